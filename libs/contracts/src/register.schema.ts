import { Type } from 'typebox'
import { event } from './event.ts'
import {
  ActionName,
  AgentName,
  closed,
  Code,
  EnvironmentName,
  GroupName,
  Identifier,
  KeyThumbprint,
  PrincipalKind,
  ProducerName,
  SafeInteger,
  ReviewersWord,
  SeatsGiven,
  ShortName,
  Subjects,
  Uuid,
} from './primitives.ts'

/** Identity provider whose client it is. */
const Issuer = Type.String({ minLength: 1, maxLength: 512 })

/** Why somebody changed a register, in their words. */
const Because = Type.Optional(Identifier)

/** The feed that a directory's change came from; absent when a person made it. */
export const ByFeed = Type.Optional(Uuid)

/** Which attribute of a directory's user is the subject at the issuer. */
export const SubjectFrom = Type.Union([Type.Literal('externalId'), Type.Literal('userName')])

/** The key that an executor proves to hold. Its private half is never here. */
export const ExecutorKey = closed({ thumbprint: KeyThumbprint })
export type ExecutorKey = Type.Static<typeof ExecutorKey>

const ownership = {
  ownerSubject: Type.Union([Uuid, Type.Null()]),
  ownerGroup: Type.Union([GroupName, Type.Null()]),
  changedBy: Type.Union([Uuid, Type.Null()]),
  seeded: Type.Boolean(),
  reason: Because,
  subjects: Subjects,
} as const

export const TenantRegistered = event({
  name: 'TenantRegistered',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/register-agent',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ tenantId: Uuid, name: ProducerName }),
})

export const ProducerRegistered = event({
  name: 'ProducerRegistered',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/register-agent',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ producer: ProducerName, issuer: Issuer, clientId: ShortName, ...ownership }),
})

export const AgentRegistered = event({
  name: 'AgentRegistered',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/register-agent',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({
    agent: AgentName,
    subjectId: Uuid,
    kind: PrincipalKind,
    producer: ProducerName,
    issuer: Issuer,
    clientId: Type.Union([ShortName, Type.Null()]),
    executorKey: Type.Optional(ExecutorKey),
    ...ownership,
  }),
})

/** Somebody was taken out of a register: nothing new is taken from them, and their name stays theirs. */
const removed = { changedBy: Uuid, reason: Identifier } as const

export const ProducerRemoved = event({
  name: 'ProducerRemoved',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/keep-registers',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ producer: ProducerName, ...removed }),
})

export const AgentRemoved = event({
  name: 'AgentRemoved',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/keep-registers',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ agent: AgentName, subjectId: Uuid, ...removed }),
})

/** Another person has looked at changes of a register: who made them counts as reviewed from then on. */
const reviewed = {
  changes: Type.Array(SafeInteger, { minItems: 1, maxItems: 256, description: 'Numbers of the changes' }),
  by: Uuid,
  reason: Because,
} as const

export const RegisterReviewed = event({
  name: 'RegisterReviewed',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/keep-registers',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({
    register: Type.Union([Type.Literal('agent'), Type.Literal('producer')]),
    entry: AgentName,
    ...reviewed,
  }),
})

export const FreezeScope = Type.Union([
  closed({ kind: Type.Literal('tenant') }),
  closed({ kind: Type.Literal('agent'), agent: AgentName }),
  closed({ kind: Type.Literal('action'), action: ActionName }),
  closed({ kind: Type.Literal('environment'), environment: EnvironmentName }),
  closed({ kind: Type.Literal('producer'), producer: ProducerName }),
  closed({ kind: Type.Literal('all') }, 'The whole deployment'),
])
export type FreezeScope = Type.Static<typeof FreezeScope>

/** Set where `by` is no person of the tenant but the deployment: its freeze credential, or who operates it. */
const deployment = {
  means: Type.Optional(Type.Union([Type.Literal('freeze_credential'), Type.Literal('deployment_operator')])),
  subjects: Subjects,
} as const

export const Frozen = event({
  name: 'Frozen',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/freeze',
  consumers: [],
  noConsumerBecause: 'collect and redeem read the register itself',
  data: closed({
    freezeId: Uuid,
    scope: FreezeScope,
    by: Uuid,
    reason: Because,
    ...deployment,
  }),
})

export const Unfrozen = event({
  name: 'Unfrozen',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/freeze',
  consumers: [],
  noConsumerBecause: 'collect and redeem read the register itself',
  data: closed({ freezeId: Uuid, by: Uuid, reason: Because, ...deployment }),
})

export const StoreAdopted = event({
  name: 'StoreAdopted',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/adopt-store',
  consumers: [],
  noConsumerBecause: 'collect and redeem compare incarnations; the grants it ends have events of their own',
  data: closed({
    by: Type.Union([Uuid, Type.Null()], { description: 'The operator; null in the history of other tenants' }),
    reason: Identifier,
    doubt: Code,
    fromIncarnation: SafeInteger,
    toIncarnation: SafeInteger,
    storePosition: Type.Union([SafeInteger, Type.Null()], { description: 'Of the last event in the store' }),
    markPosition: Type.Union([SafeInteger, Type.Null()], { description: 'Of the last event known to be published' }),
  }),
})

export const DirectoryGroupChanged = event({
  name: 'DirectoryGroupChanged',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({
    group: GroupName,
    added: Type.Array(Uuid, { maxItems: 256 }),
    removed: Type.Array(Uuid, { maxItems: 256 }),
    changedBy: Type.Union([Uuid, Type.Null()]),
    seeded: Type.Boolean(),
    feed: ByFeed,
    reason: Because,
    seats: Type.Optional(SeatsGiven),
  }),
})

export const DirectoryFeedConnected = event({
  name: 'DirectoryFeedConnected',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/take-scim',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({
    feedId: Uuid,
    issuer: Issuer,
    subjectFrom: SubjectFrom,
    maxAgeMs: Type.Union([SafeInteger, Type.Null()], {
      description: 'Age from which nothing is decided by the directory; null when it has no end',
    }),
    changedBy: Uuid,
    reason: Identifier,
  }),
})

export const DirectoryReviewed = event({
  name: 'DirectoryReviewed',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ group: GroupName, ...reviewed, word: ReviewersWord }),
})

export const DirectoryFeedReviewed = event({
  name: 'DirectoryFeedReviewed',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ ...reviewed, word: ReviewersWord }),
})

export const AccountLinked = event({
  name: 'AccountLinked',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/link-account',
  consumers: [],
  noConsumerBecause: 'record-verdict reads the register itself',
  data: closed({
    accountId: Uuid,
    provider: ShortName,
    person: Uuid,
    changedBy: Type.Union([Uuid, Type.Null()]),
    seeded: Type.Boolean(),
    confirmed: Type.Optional(
      Type.Boolean({ description: 'The account speaks for the person; otherwise once they have confirmed it' }),
    ),
  }),
})
