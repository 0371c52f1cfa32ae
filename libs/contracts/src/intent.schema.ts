import { Type } from 'typebox'
import { event } from './event.ts'
import {
  ActionName,
  AgentName,
  closed,
  Code,
  Digest,
  EnvironmentName,
  Fingerprint,
  Identifier,
  IsoTime,
  PrincipalKind,
  ProducerName,
  RequestId,
  SafeInteger,
  ShortName,
  Subjects,
  Uuid,
} from './primitives.ts'

export const ModelReference = closed(
  { name: ShortName, version: Type.Optional(ShortName) },
  'Model that started the action',
)

export const ImpactClaim = closed(
  {
    rows: Type.Optional(SafeInteger),
    bytes: Type.Optional(SafeInteger),
    reversible: Type.Optional(Type.Boolean()),
    dataClasses: Type.Optional(Type.Array(ShortName, { maxItems: 16 })),
  },
  'What the requester claims the action will touch; unverified',
)
export type ImpactClaim = Type.Static<typeof ImpactClaim>

export const SealedPayloadReference = closed(
  {
    sealedId: Uuid,
    parametersCommitment: Digest,
    rationaleCommitment: Type.Optional(Digest),
    logsCommitment: Type.Optional(Digest),
  },
  'Reference to what is sealed, with salted commitments to it',
)

export const ActionIntentPublished = event({
  name: 'ActionIntentPublished',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/publish-intent',
  consumers: ['policy/evaluate-intent'],
  data: closed({
    intentId: Uuid,
    producer: ProducerName,
    agent: closed({
      subjectId: Uuid,
      name: AgentName,
      kind: PrincipalKind,
      model: Type.Optional(ModelReference),
      session: Type.Optional(Identifier),
    }),
    requester: Uuid,
    executor: closed({ subjectId: Uuid, clientId: ShortName }),
    onBehalfOf: Type.Union([Uuid, Type.Null()]),
    owners: Type.Array(Uuid, { maxItems: 256, description: 'People behind agent and producer when it was published' }),
    delegation: Type.Array(Uuid, { maxItems: 8, description: 'Chain that the token proved' }),
    parentAgents: Type.Optional(
      Type.Array(AgentName, {
        maxItems: 8,
        description: 'Registered agents in that chain; their owners count as owners',
      }),
    ),
    assertedParties: Type.Array(Uuid, {
      maxItems: 16,
      description: 'People the request merely named: they may only be excluded',
    }),
    action: ActionName,
    target: Identifier,
    environment: EnvironmentName,
    impact: Type.Optional(ImpactClaim),
    promptDigest: Type.Optional(Digest),
    outputDigest: Type.Optional(Digest),
    payload: SealedPayloadReference,
    bindingVersion: Type.Literal(1),
    actionDigest: Digest,
    requestFingerprint: Fingerprint,
    deadline: IsoTime,
    occurredAt: Type.Optional(IsoTime),
    requestId: Type.Optional(RequestId),
    subjects: Subjects,
  }),
})

export const IntentWithdrawn = event({
  name: 'IntentWithdrawn',
  version: 1,
  kind: 'intent',
  owner: 'intake',
  ownerFolder: 'intake/withdraw-intent',
  consumers: ['notifier/present-review'],
  data: closed({ intentId: Uuid, by: Uuid, subjects: Subjects }),
})

/** How a refused request came; absent for one over HTTP, which was answered there. */
const onTheBus = { carrier: Type.Optional(Type.Literal('bus')), requestId: Type.Optional(RequestId) } as const

export const ActionIntentRefused = event({
  name: 'ActionIntentRefused',
  version: 1,
  kind: 'attempts',
  owner: 'intake',
  ownerFolder: 'intake/publish-intent',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt; nothing follows from it',
  data: closed({
    producer: Type.Union([ProducerName, Type.Null()]),
    code: Code,
    pointer: Type.Optional(Type.String({ maxLength: 256 })),
    bytesDigest: Type.Optional(Digest),
    ...onTheBus,
    count: Type.Integer({ minimum: 1, description: 'Attempts this record stands for' }),
  }),
})

export const CommandRefused = event({
  name: 'CommandRefused',
  version: 1,
  kind: 'attempts',
  owner: 'intake',
  ownerFolder: 'intake/withdraw-intent',
  consumers: [],
  noConsumerBecause: 'evidence of an attempt; nothing follows from it',
  data: closed({
    intentId: Type.Optional(Uuid),
    command: Code,
    code: Code,
    by: Type.Union([Uuid, Type.Null()]),
    bytesDigest: Type.Optional(Digest),
    ...onTheBus,
    count: Type.Integer({ minimum: 1 }),
    subjects: Subjects,
  }),
})
