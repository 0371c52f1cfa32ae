import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Identifier, SafeInteger, Uuid } from './primitives.ts'

/** Name of a tenant's log: host and id, and an incarnation for each time that it went on after entries were lost. */
export const LogOrigin = Type.String({ maxLength: 512, pattern: '^[a-z0-9.-]{1,200}/log/[0-9a-f-]{36}(/[0-9]+)*$' })

/** The head of a log at one size, as its checkpoint says it. */
export const LogCheckpoint = closed({
  origin: LogOrigin,
  size: SafeInteger,
  root: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$', description: 'Root of the tree, base64' }),
})

export const LogContinued = event({
  name: 'LogContinued',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/continue-log',
  consumers: [],
  noConsumerBecause: 'the ledger reads it out of the entries of its own log, which is what it proves',
  data: closed({
    by: Type.Union([Uuid, Type.Null()], { description: 'The operator; null in the history of other tenants' }),
    reason: Identifier,
    log: Uuid,
    refusedAs: { ...Code, description: 'Why the former log is not signed any more' },
    former: { ...LogCheckpoint, description: 'The last checkpoint that was published of the former log' },
    keptSize: { ...SafeInteger, description: 'Entries that are known to be those of the former log' },
    origin: { ...LogOrigin, description: 'What the log is called from now on' },
    incarnation: SafeInteger,
  }),
})
