import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Digest, IsoTime, KeyThumbprint, ShortName, Subjects, Uuid } from './primitives.ts'

export const GrantIssued = event({
  name: 'GrantIssued',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/issue-grant',
  consumers: ['intake/expire-grant', 'notifier/present-review'],
  data: closed({
    intentId: Uuid,
    grantId: Uuid,
    actionDigest: Digest,
    executor: Uuid,
    credential: closed({
      kind: Type.Literal('oauth_client'),
      clientId: ShortName,
      keyThumbprint: Type.Optional({ ...KeyThumbprint, description: 'Key that redeeming has to prove (RFC 9449)' }),
      certificateThumbprint: Type.Optional({
        ...KeyThumbprint,
        description: 'SHA-256 of the client certificate that redeeming has to show (RFC 8705)',
      }),
    }),
    policySetDigest: Digest,
    issuedAt: IsoTime,
    expiresAt: IsoTime,
  }),
})

export const GrantRedeemed = event({
  name: 'GrantRedeemed',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/redeem-grant',
  consumers: ['intake/report-execution', 'notifier/present-review'],
  data: closed({
    intentId: Uuid,
    grantId: Uuid,
    redemptionId: Uuid,
    receiptId: Uuid,
    actionDigest: Digest,
    redeemedAt: IsoTime,
    reportBefore: IsoTime,
  }),
})

export const RevocationCause = Type.Union([
  Type.Literal('owner'),
  Type.Literal('reviewer'),
  Type.Literal('operator'),
  Type.Literal('frozen'),
  Type.Literal('store_adopted'),
])

export const GrantRevoked = event({
  name: 'GrantRevoked',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/revoke-grant',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, grantId: Uuid, by: Uuid, cause: RevocationCause, subjects: Subjects }),
})

export const GrantExpired = event({
  name: 'GrantExpired',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/expire-grant',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, grantId: Uuid, expiresAt: IsoTime }),
})

export const GrantRefused = event({
  name: 'GrantRefused',
  version: 1,
  kind: 'attempts',
  owner: 'intake',
  ownerFolder: 'intake/redeem-grant',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt; nothing follows from it',
  data: closed({
    intentId: Uuid,
    grantId: Type.Union([Uuid, Type.Null()]),
    step: Type.Union([Type.Literal('collect'), Type.Literal('redeem')]),
    code: Code,
    pointer: Type.Optional(Type.String({ maxLength: 256, description: 'JSON pointer of the field that differs' })),
    by: Type.Union([Uuid, Type.Null()]),
    count: Type.Integer({ minimum: 1 }),
    subjects: Subjects,
  }),
})
