import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Code, Digest, IsoTime, SafeInteger, ShortName, Uuid } from './primitives.ts'

const Topic = Type.String({ minLength: 1, maxLength: 249, pattern: '^[a-zA-Z0-9._-]+$' })

/** `taken` and `refused` end the matter; what cannot be read now either stays in quarantine. */
const RedriveOutcome = Type.Union([Type.Literal('taken'), Type.Literal('refused'), Type.Literal('quarantined')])

export const QuarantineRedriven = event({
  name: 'QuarantineRedriven',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/redrive-quarantined',
  consumers: [],
  noConsumerBecause: 'evidence of what an operator did; what follows is in the events of the record itself',
  data: closed({
    quarantineId: Uuid,
    topic: Topic,
    position: ShortName,
    outcome: RedriveOutcome,
    code: Type.Optional(Code),
    by: Uuid,
  }),
})

export const QuarantineOpened = event({
  name: 'QuarantineOpened',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/quarantine-record',
  consumers: [],
  noConsumerBecause: 'evidence of who read sealed bytes',
  data: closed({ quarantineId: Uuid, by: Uuid }),
})

export const ParkedKeyRedriven = event({
  name: 'ParkedKeyRedriven',
  version: 1,
  kind: 'register',
  owner: 'intake',
  ownerFolder: 'intake/redrive-parked',
  consumers: [],
  noConsumerBecause: 'evidence of what an operator did; the services deliver the records again',
  data: closed({ group: ShortName, topic: Topic, key: Uuid, records: SafeInteger, by: Uuid }),
})

/** A record in quarantine: coordinates, hash and reason, never its content. */
export const QuarantinedRecord = closed({
  quarantineId: Uuid,
  producer: ShortName,
  topic: Topic,
  position: ShortName,
  group: ShortName,
  reason: Code,
  hash: Type.Union([Digest, Type.Null()], { description: 'Of the value; null when it had none' }),
  bytes: SafeInteger,
  kept: Type.Boolean({
    description: 'Whether the bytes are sealed here; if not, hash and coordinates are all there is',
  }),
  publishedAt: IsoTime,
  quarantinedAt: IsoTime,
  redrives: SafeInteger,
  outcome: Type.Optional(RedriveOutcome),
})
export type QuarantinedRecord = Type.Static<typeof QuarantinedRecord>

/** Answer of `GET /v1/quarantine`. */
export const QuarantineList = closed({
  records: Type.Array(QuarantinedRecord),
  next: Type.Optional(Type.String({ description: 'Cursor of the next page; absent on the last' })),
})
export type QuarantineList = Type.Static<typeof QuarantineList>

/** Answer of `GET /v1/quarantine/{quarantineId}/content`. */
export const QuarantinedContent = closed({
  quarantineId: Uuid,
  key: Type.Union([Type.String(), Type.Null()]),
  contentType: Type.Union([Type.String(), Type.Null()]),
  value: Type.String({ description: 'The bytes as they came, base64' }),
})
export type QuarantinedContent = Type.Static<typeof QuarantinedContent>

/** Body of `POST /v1/quarantine/redrive`: which open records to take again, a page at a time. */
export const RedriveQuarantineBody = closed({
  quarantineId: Type.Optional(Uuid),
  topic: Type.Optional(Topic),
  reason: Type.Optional(Code),
  after: Type.Optional(Uuid),
})
export type RedriveQuarantineBody = Type.Static<typeof RedriveQuarantineBody>

/** Answer of `POST /v1/quarantine/redrive`. */
export const RedrivenQuarantine = closed({
  records: Type.Array(closed({ quarantineId: Uuid, outcome: RedriveOutcome, code: Type.Optional(Code) })),
  next: Type.Optional(Type.String({ description: 'Where the next page begins; absent when nothing is left' })),
})
export type RedrivenQuarantine = Type.Static<typeof RedrivenQuarantine>

/** Answer of `GET /v1/parked`. */
export const ParkedKeyList = closed({
  keys: Type.Array(
    closed({
      group: ShortName,
      topic: Topic,
      key: Uuid,
      reason: Code,
      records: SafeInteger,
      parkedAt: IsoTime,
    }),
  ),
})
export type ParkedKeyList = Type.Static<typeof ParkedKeyList>

/** Body of `POST /v1/parked/redrive`. */
export const RedriveParkedBody = closed({ group: ShortName, topic: Topic, key: Uuid })
export type RedriveParkedBody = Type.Static<typeof RedriveParkedBody>

/** Answer of `POST /v1/parked/redrive`. */
export const RedrivenParked = closed({ records: SafeInteger })
export type RedrivenParked = Type.Static<typeof RedrivenParked>
