import type { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { wireType, type NewEvent, type Owner, type RecordedEvent } from './event.ts'
import * as directoryPerson from './directory-person.schema.ts'
import * as directoryLink from './directory-link.schema.ts'
import * as account from './account.schema.ts'
import * as broker from './broker.schema.ts'
import * as execution from './execution.schema.ts'
import * as grant from './grant.schema.ts'
import * as intent from './intent.schema.ts'
import * as log from './log.schema.ts'
import * as policy from './policy.schema.ts'
import * as quarantine from './quarantine.schema.ts'
import * as register from './register.schema.ts'
import * as review from './review.schema.ts'

/** Every event type there is, in the order of an intent's life, then the registers. */
export const eventDefinitions = [
  intent.ActionIntentPublished,
  policy.PolicyEvaluated,
  policy.IntentAllowed,
  policy.IntentDenied,
  policy.ReviewRequested,
  review.VerdictRecorded,
  review.ReviewApproved,
  review.ReviewDenied,
  intent.IntentWithdrawn,
  policy.IntentExpired,
  grant.GrantIssued,
  grant.GrantRedeemed,
  grant.GrantRevoked,
  grant.GrantExpired,
  execution.ExecutionStarted,
  execution.ExecutionSucceeded,
  execution.ExecutionFailed,
  execution.ExecutionUnknown,
  execution.ExecutionReconciled,
  intent.ActionIntentRefused,
  intent.CommandRefused,
  review.ReviewPresented,
  review.ReviewDelivered,
  review.ReviewDeliveryFailed,
  review.VerdictRefused,
  review.VerdictTooLate,
  grant.GrantRefused,
  register.TenantRegistered,
  register.ProducerRegistered,
  register.AgentRegistered,
  register.ProducerRemoved,
  register.AgentRemoved,
  register.RegisterReviewed,
  register.Frozen,
  register.Unfrozen,
  register.StoreAdopted,
  log.LogContinued,
  policy.PolicySetActivated,
  policy.PolicySetRefused,
  directoryPerson.DirectoryPersonRegistered,
  directoryPerson.LoginFreed,
  register.DirectoryGroupChanged,
  register.DirectoryReviewed,
  register.DirectoryFeedConnected,
  register.DirectoryFeedReviewed,
  directoryLink.DirectoryFeedDisconnected,
  directoryLink.DirectoryPeopleLinked,
  register.AccountLinked,
  account.AccountUnlinked,
  account.SecurityKeyRegistered,
  account.SecurityKeyRemoved,
  quarantine.QuarantineRedriven,
  quarantine.QuarantineOpened,
  quarantine.ParkedKeyRedriven,
  broker.BrokerRefusalFound,
] as const

type Definitions = (typeof eventDefinitions)[number]
export type EventName = Definitions['name']
export type EventData<Name extends EventName> = Type.Static<Extract<Definitions, { name: Name }>['data']>

/** Union over event names: `{ type, data }` pairs that belong together. */
export type EventOf<Name extends EventName = EventName> = Name extends EventName
  ? NewEvent<Name, EventData<Name>>
  : never
export type RecordedEventOf<Name extends EventName = EventName> = Name extends EventName
  ? RecordedEvent<Name, EventData<Name>>
  : never

export type IntentEventName = Extract<Definitions, { kind: 'intent' }>['name']
export type AttemptEventName = Extract<Definitions, { kind: 'attempts' }>['name']
export type RegisterEventName = Extract<Definitions, { kind: 'register' }>['name']
export type IntentEvent = EventOf<IntentEventName>
export type AttemptEvent = EventOf<AttemptEventName>
export type RegisterEvent = EventOf<RegisterEventName>

const byName = new Map<string, Definitions>(eventDefinitions.map((definition) => [definition.name, definition]))

/** Definition of an event type; throws on a name that is not in the catalogue. */
export const definitionOf = (name: string): Definitions => {
  const definition = byName.get(name)
  if (definition === undefined) throw new Error(`unknown event type ${name}`)
  return definition
}

export const isEventName = (name: string): name is EventName => byName.has(name)

/** Wire type of the current version of an event. */
export const wireTypeOf = (name: EventName): string => wireType(name, definitionOf(name).version)

/** Wire types that each service may append: what the database enforces by role. */
export const ownedTypes = (owner: Owner): string[] =>
  eventDefinitions
    .filter((definition) => definition.owner === owner)
    .map((definition) => wireType(definition.name, definition.version))

const checks = new Map<string, { Check(value: unknown): boolean }>()

/** Whether `data` fits the schema of the event `name`; checked before each append. */
export const fitsEvent = (name: EventName, data: unknown): boolean => {
  let check = checks.get(name)
  if (check === undefined) {
    check = Compile(definitionOf(name).data as Type.TSchema)
    checks.set(name, check)
  }
  return check.Check(data)
}
