import { Type } from 'typebox'
import { closed, Code, Digest, IsoTime, ShortName, Uuid } from './primitives.ts'
import { IntentState, PublishIntentBody, ReportExecutionBody } from './message.schema.ts'

/** `source` of every CloudEvent that Countersign sends: the service that caused it. */
const Source = Type.String({ pattern: '^/countersign/[a-z-]+$', description: 'Service that appended the event' })
const traceparent = Type.String({ pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' })

/** Context attributes of CloudEvents 1.0 that every structured record carries. */
const context = {
  specversion: Type.Literal('1.0'),
  datacontenttype: Type.Literal('application/json'),
} as const

/**
 * Envelope of a domain event on `countersign.events.v1`: CloudEvents 1.0 in structured JSON, with extension attributes in
 * lower case as the specification asks.
 */
export const eventEnvelope = <Data extends Type.TSchema>(type: string, data: Data) =>
  closed(
    {
      ...context,
      id: Type.String({ ...Uuid, description: 'Event id' }),
      source: Source,
      type: Type.Literal(type),
      subject: Type.String({ ...Uuid, description: 'Intent id, or the id of the stream where there is no intent' }),
      time: IsoTime,
      tenantid: Uuid,
      streamkind: Type.Union([Type.Literal('intent'), Type.Literal('attempts'), Type.Literal('register')]),
      streamversion: Type.Integer({ minimum: 1 }),
      traceparent: Type.Optional(traceparent),
      data,
    },
    `CloudEvent that carries ${type}`,
  )

/** What a producer sends; it names itself in `source`, which proves nothing: the topic is the identity. */
const inbound = {
  ...context,
  id: Type.String({ minLength: 1, maxLength: 255, description: 'Serves as the Idempotency-Key' }),
  source: Type.String({ minLength: 1, maxLength: 512 }),
  time: Type.Optional(IsoTime),
  traceparent: Type.Optional(traceparent),
} as const

/** Value on `countersign.intents.v1.<producer>`. */
export const IntentMessage = closed(
  { ...inbound, type: Type.Literal('dev.countersign.ActionIntent.v1'), data: PublishIntentBody },
  'An action intent on the bus; the same content as POST /v1/intents',
)

/** Value on `countersign.executions.v1.<producer>`. */
export const ExecutionMessage = closed(
  { ...inbound, type: Type.Literal('dev.countersign.ExecutionReport.v1'), subject: Uuid, data: ReportExecutionBody },
  'What became of an execution; the same content as POST /v1/executions',
)

/** State of an intent, or `refused` for a request that the producer's record asked for in vain. */
const OutcomeState = Type.Union([...IntentState.anyOf, Type.Literal('refused')])

/** Value on `countersign.decisions.v1.<producer>`: what became of an intent or a request, never a token. */
export const OutcomeMessage = closed(
  {
    ...context,
    id: Uuid,
    source: Source,
    type: Type.Literal('dev.countersign.Outcome.v1'),
    subject: Type.Optional(Type.String({ ...Uuid, description: 'Intent id; absent where a refusal has no intent' })),
    time: IsoTime,
    traceparent: Type.Optional(traceparent),
    data: closed({
      intentId: Type.Optional(Uuid),
      state: OutcomeState,
      code: Type.Optional(Code),
      requestId: Type.Optional(Type.String({ maxLength: 255, description: 'Id of the request that this answers' })),
      command: Type.Optional(
        Type.String({ ...Code, description: 'What was refused: publish_intent, report_execution' }),
      ),
      pointer: Type.Optional(Type.String({ maxLength: 256, description: 'Field that was refused, never its value' })),
      bytesDigest: Type.Optional(
        Type.String({ ...Digest, description: 'Of the record’s value, where no usable id could be read from it' }),
      ),
      count: Type.Optional(Type.Integer({ minimum: 1, description: 'Records this stands for; one where absent' })),
    }),
  },
  'What became of an intent, or that a record was refused, for the producer that asked; the rest is read over HTTP',
)

/**
 * Value on `countersign.audit.v1`: an OCSF row, of which only what Countersign promises beyond OCSF's own schema is said here.
 */
export const AuditMessage = Type.Object(
  {
    class_uid: Type.Integer(),
    activity_id: Type.Integer(),
    type_uid: Type.Integer({ description: 'class_uid * 100 + activity_id' }),
    severity_id: Type.Integer(),
    time: Type.Integer({ description: 'When the event was recorded, in milliseconds since 1970' }),
    is_alert: Type.Boolean(),
    metadata: Type.Object({
      version: Type.String({ description: 'Of OCSF' }),
      uid: Type.String({ ...Uuid, description: 'Event id: a row with one that was seen before is a repeat' }),
      tenant_uid: Uuid,
      event_code: Type.String({ description: 'Wire type of the event' }),
      log_name: Type.String({ description: 'Origin of the log; ends in its id' }),
      sequence: Type.Integer({ minimum: 0, description: 'Index in that log: from 0, without gaps' }),
    }),
    raw_data_hash: Type.Object({
      algorithm_id: Type.Literal(3),
      value: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Leaf hash (RFC 6962, SHA-256)' }),
    }),
    unmapped: Type.Object({
      mapping_version: Type.Integer({ minimum: 1 }),
      ledger_index: Type.String({ pattern: '^[0-9]{1,16}$', description: 'The same as sequence' }),
    }),
  },
  { description: 'An OCSF row with its place in the ledger' },
)

/** Value on `countersign.quarantine.v1`; never the bytes themselves. */
export const QuarantineNotice = closed(
  {
    hash: Type.Union([Digest, Type.Null()], { description: 'Of the quarantined value; null when it had none' }),
    topic: Type.String({ maxLength: 249 }),
    position: ShortName,
    group: ShortName,
    reason: Code,
    publishedAt: IsoTime,
    sealed: Type.Union([Type.String({ maxLength: 255 }), Type.Null()], {
      description: 'Reference to the sealed bytes; null when the consumer may not seal',
    }),
  },
  'A record that a consumer refused',
)
