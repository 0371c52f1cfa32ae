import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Digest, GroupName, IsoTime, SeatOnOneWord, ShortName, Subjects, Uuid } from './primitives.ts'

export const Channel = Type.Union([
  Type.Literal('api'),
  Type.Literal('slack'),
  Type.Literal('teams'),
  Type.Literal('console'),
])
export type Channel = Type.Static<typeof Channel>
export const Assurance = Type.Union([
  Type.Literal('chat'),
  Type.Literal('sso'),
  Type.Literal('mfa'),
  Type.Literal('webauthn'),
])
export type Assurance = Type.Static<typeof Assurance>

/** What policy asks of a yes beyond who gives it. Every review takes what a chat account proves, so nothing asks for that. */
export const AssuranceDemand = closed(
  {
    atLeast: Type.Union([Type.Literal('sso'), Type.Literal('mfa'), Type.Literal('webauthn')]),
    signedInWithinMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 86_400_000 })),
  },
  'How surely, and how recently, whoever approves must have signed in',
)
export type AssuranceDemand = Type.Static<typeof AssuranceDemand>
export const VerdictChoice = Type.Union([Type.Literal('approve'), Type.Literal('deny')])
export type VerdictChoice = Type.Static<typeof VerdictChoice>

export const AccountReference = closed(
  { provider: ShortName, accountId: Uuid },
  'Account that spoke for the person; the platform ids stay in the directory',
)

export const VerdictSignature = closed(
  { keyId: Uuid, commitment: Digest, sealedSignatureId: Uuid },
  'Security key that signed the action digest and the presentation digest; the signature itself is sealed',
)
export type VerdictSignature = Type.Static<typeof VerdictSignature>

export const VerdictRecorded = event({
  name: 'VerdictRecorded',
  version: 1,
  kind: 'intent',
  owner: 'notifier',
  ownerFolder: 'notifier/record-verdict',
  consumers: ['notifier/present-review'],
  data: closed({
    intentId: Uuid,
    reviewId: Uuid,
    verdict: VerdictChoice,
    person: Uuid,
    account: AccountReference,
    eligibleSeats: Type.Array(GroupName, { maxItems: 8 }),
    onOneWord: Type.Optional(
      Type.Array(SeatOnOneWord, { maxItems: 8, description: 'Those among them that rest on one person’s word' }),
    ),
    assurance: Assurance,
    authTime: Type.Optional({ ...IsoTime, description: 'When the person signed in, as their identity provider says' }),
    channel: Channel,
    actionDigest: Digest,
    presentationDigest: Digest,
    reasonCommitment: Type.Optional(Digest),
    sealedReasonId: Type.Optional(Uuid),
    signature: Type.Optional(VerdictSignature),
    subjects: Subjects,
  }),
})

export const ReviewApproved = event({
  name: 'ReviewApproved',
  version: 1,
  kind: 'intent',
  owner: 'notifier',
  ownerFolder: 'notifier/record-verdict',
  consumers: ['intake/issue-grant', 'notifier/present-review'],
  data: closed({
    intentId: Uuid,
    reviewId: Uuid,
    seats: Type.Array(closed({ group: GroupName, person: Uuid }), { minItems: 1, maxItems: 64 }),
    collectBefore: IsoTime,
  }),
})

export const ReviewDenied = event({
  name: 'ReviewDenied',
  version: 1,
  kind: 'intent',
  owner: 'notifier',
  ownerFolder: 'notifier/record-verdict',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, reviewId: Uuid, by: Uuid }),
})

export const ReviewPresented = event({
  name: 'ReviewPresented',
  version: 1,
  kind: 'attempts',
  owner: 'notifier',
  ownerFolder: 'notifier/present-review',
  consumers: ['notifier/record-verdict'],
  data: closed({
    intentId: Uuid,
    reviewId: Uuid,
    channel: Channel,
    presentationDigest: Digest,
    actionDigest: Digest,
    complete: Type.Boolean({ description: 'Everything was shown; an incomplete presentation cannot be approved' }),
    reader: Type.Union([Uuid, Type.Null()]),
  }),
})

export const ReviewDelivered = event({
  name: 'ReviewDelivered',
  version: 1,
  kind: 'attempts',
  owner: 'notifier',
  ownerFolder: 'notifier/present-review',
  consumers: [],
  noConsumerBecause: 'evidence of a delivery',
  data: closed({ intentId: Uuid, reviewId: Uuid, channel: Channel, presentationDigest: Digest }),
})

export const ReviewDeliveryFailed = event({
  name: 'ReviewDeliveryFailed',
  version: 1,
  kind: 'attempts',
  owner: 'notifier',
  ownerFolder: 'notifier/present-review',
  consumers: [],
  noConsumerBecause: 'evidence of a failure; the card is sent again from its own queue',
  data: closed({ intentId: Uuid, reviewId: Uuid, channel: Channel, code: Code, attempt: Type.Integer({ minimum: 1 }) }),
})

const refusedVerdict = {
  intentId: Uuid,
  reviewId: Type.Union([Uuid, Type.Null()]),
  verdict: VerdictChoice,
  person: Type.Union([Uuid, Type.Null()]),
  channel: Channel,
  code: Code,
  count: Type.Integer({ minimum: 1 }),
} as const

export const VerdictRefused = event({
  name: 'VerdictRefused',
  version: 1,
  kind: 'attempts',
  owner: 'notifier',
  ownerFolder: 'notifier/record-verdict',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt; nothing follows from it',
  data: closed(refusedVerdict),
})

export const VerdictTooLate = event({
  name: 'VerdictTooLate',
  version: 1,
  kind: 'attempts',
  owner: 'notifier',
  ownerFolder: 'notifier/record-verdict',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt after the end; it can change nothing',
  data: closed(refusedVerdict),
})
