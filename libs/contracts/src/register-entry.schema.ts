import { Type } from 'typebox'
import {
  AgentName,
  closed,
  GroupName,
  Identifier,
  IsoTime,
  PersonKind,
  PrincipalKind,
  ProducerName,
  SafeInteger,
  ShortName,
  Uuid,
} from './primitives.ts'
import { ExecutorKey, SubjectFrom } from './register.schema.ts'

const Issuer = Type.String({ minLength: 1, maxLength: 512 })
const Reason = Type.Unsafe<string>({ ...Identifier, description: 'Why it is changed; kept in the event' })

/** Who answers for an agent or a producer: one person, or everybody in a group. */
export const EntryOwner = Type.Union([closed({ person: Uuid }), closed({ group: GroupName })])
export type EntryOwner = Type.Static<typeof EntryOwner>

/** Body of `POST /v1/agents/register`. */
export const RegisterOwnedAgentBody = closed({
  name: AgentName,
  kind: PrincipalKind,
  producer: ProducerName,
  issuer: Type.Optional(Issuer),
  clientId: Type.Optional(Type.Unsafe<string>({ ...ShortName, description: 'OAuth client of the agent’s own' })),
  owner: EntryOwner,
  executorKey: Type.Optional(
    Type.Union([ExecutorKey, Type.Null()], { description: 'Null takes the key away; absent leaves it as it is' }),
  ),
  reason: Reason,
})
export type RegisterOwnedAgentBody = Type.Static<typeof RegisterOwnedAgentBody>

/** Body of `POST /v1/producers/register`. */
export const RegisterProducerBody = closed({
  name: ProducerName,
  issuer: Issuer,
  clientId: ShortName,
  owner: EntryOwner,
  reason: Reason,
})
export type RegisterProducerBody = Type.Static<typeof RegisterProducerBody>

/** Body of the routes that take an agent or a producer out of its register. */
export const RemoveEntryBody = closed({ name: AgentName, reason: Reason })
export type RemoveEntryBody = Type.Static<typeof RemoveEntryBody>

/** Body of the routes with which another person says that changes of a register are as they should be. */
export const ReviewEntryBody = closed({
  name: AgentName,
  upTo: Type.Unsafe<number>({
    ...SafeInteger,
    description: 'Last change that was looked at; what came later stays open',
  }),
  reason: Type.Optional(Identifier),
})
export type ReviewEntryBody = Type.Static<typeof ReviewEntryBody>

/** Answer of the routes that change an entry of a register. */
export const ChangedEntry = closed({ name: AgentName, changed: Type.Boolean(), subjectId: Type.Optional(Uuid) })
export type ChangedEntry = Type.Static<typeof ChangedEntry>

/** Answer of the routes that review changes. */
export const ReviewedEntry = closed({
  name: AgentName,
  reviewed: Type.Array(SafeInteger),
  left: Type.Array(SafeInteger, { description: 'Changes that the caller made: somebody else has to review them' }),
})
export type ReviewedEntry = Type.Static<typeof ReviewedEntry>

/** A change of a register that nobody else has reviewed yet. */
export const OpenChange = closed({
  changeId: SafeInteger,
  changedBy: Uuid,
  changedAt: IsoTime,
  reason: Type.Optional(Type.String()),
})
export type OpenChange = Type.Static<typeof OpenChange>

const kept = {
  owner: Type.Union([EntryOwner, Type.Null()]),
  seeded: Type.Boolean(),
  changedBy: Type.Union([Uuid, Type.Null()]),
  changedAt: IsoTime,
  removedAt: Type.Optional(IsoTime),
  openChanges: Type.Array(OpenChange, { description: 'Unreviewed changes, the newest 50' }),
} as const

const next = Type.Optional(Type.String({ description: 'Where the next page begins; absent on the last' }))

/** Answer of `GET /v1/agents`. */
export const AgentList = closed({
  agents: Type.Array(
    closed({
      name: AgentName,
      subjectId: Uuid,
      kind: PrincipalKind,
      producer: ProducerName,
      issuer: Type.Union([Issuer, Type.Null()]),
      clientId: Type.Union([ShortName, Type.Null()]),
      executorKey: Type.Optional(ExecutorKey),
      ...kept,
    }),
  ),
  next,
})
export type AgentList = Type.Static<typeof AgentList>

/** Answer of `GET /v1/producers`. */
export const ProducerList = closed({
  producers: Type.Array(
    closed({
      name: ProducerName,
      issuer: Type.Union([Issuer, Type.Null()]),
      clientId: Type.Union([ShortName, Type.Null()]),
      ...kept,
    }),
  ),
  next,
})
export type ProducerList = Type.Static<typeof ProducerList>

/** Answer of `GET /v1/directory/people`. */
export const PeopleList = closed({
  people: Type.Array(
    closed({
      person: Uuid,
      issuer: Type.Union([Issuer, Type.Null()], { description: 'Null once the person was erased' }),
      subject: Type.Union([Type.String(), Type.Null()]),
      displayName: Type.String(),
      email: Type.Optional(Type.String()),
      active: Type.Boolean(),
      kind: Type.Optional(PersonKind),
      groups: Type.Array(GroupName),
    }),
  ),
  next,
})
export type PeopleList = Type.Static<typeof PeopleList>

/** Answer of `GET /v1/directory/groups`. Who is in a group: `GET /v1/directory/people?group=`. */
export const GroupList = closed({
  groups: Type.Array(
    closed({
      name: GroupName,
      members: SafeInteger,
      seeded: Type.Boolean(),
      changedBy: Type.Union([Uuid, Type.Null()]),
      changedAt: IsoTime,
      openChanges: Type.Array(OpenChange, { description: 'Unreviewed changes, the newest 50' }),
    }),
  ),
  next,
})
export type GroupList = Type.Static<typeof GroupList>

/** Answer of `GET /v1/directory/feed`. */
export const FeedView = closed({
  feedId: Uuid,
  issuer: Issuer,
  subjectFrom: SubjectFrom,
  maxAgeMs: Type.Union([SafeInteger, Type.Null()]),
  seenAt: IsoTime,
  stale: Type.Boolean({ description: 'Silent for longer than allowed: nothing is decided by it' }),
  connectedBy: Uuid,
  connectedAt: IsoTime,
  openChanges: Type.Array(OpenChange, { description: 'Connections that nobody else has reviewed, the newest 50' }),
})
export type FeedView = Type.Static<typeof FeedView>
