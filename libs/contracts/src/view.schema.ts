import { Type } from 'typebox'
import { LogOrigin } from './log.schema.ts'
import { FreezeScope } from './register.schema.ts'
import { ReviewSummary } from './message.schema.ts'
import { AgentName, closed, Code, Digest, IsoTime, RuleId, SafeInteger, ShortName, Uuid } from './primitives.ts'
import { Effect, Seat } from './policy.schema.ts'
import { AssuranceDemand } from './review.schema.ts'

/** Body of commands that say everything in their path. */
export const EmptyBody = closed({}, 'An empty object')

/** Answer of commands that change an intent's state. */
export const IntentStateView = closed({ intentId: Uuid, state: Type.String() })
/** Answer of commands that change a grant's state. */
export const GrantStateView = closed({ grantId: Uuid, state: Type.String() })
/** Answer of `POST /v1/executions`. */
export const ExecutionAccepted = closed({ grantId: Uuid, executionId: Uuid, outcome: Type.String() })
/** Answer of `POST /v1/agents`. */
export const RegisteredAgent = closed({ agent: AgentName, subjectId: Uuid })
/** Answer of `POST /v1/freezes`. */
export const FreezeView = closed({ freezeId: Uuid, scope: Type.Optional(FreezeScope) })
const openedOn = { systemIdentifier: Type.String(), timeline: Type.String() }

/** A log that the ledger does not sign any more. */
export const RefusedLog = closed({
  log: Uuid,
  code: { ...Code, description: 'Why it is not signed' },
  former: Type.Optional(
    closed({ origin: LogOrigin, size: SafeInteger }, 'Published last; absent when it cannot go on'),
  ),
  keptSize: Type.Optional({ ...SafeInteger, description: 'Entries that are known to be those of the former log' }),
})
export type RefusedLog = Type.Static<typeof RefusedLog>

/** Answer of `GET /v1/store`: the store beside the mark of what was published from it. */
export const StoreView = closed({
  incarnation: SafeInteger,
  openedOn: closed(openedOn, 'Server and timeline on which the incarnation was opened'),
  sameSystem: Type.Boolean(),
  sameTimeline: Type.Boolean(),
  doubt: Type.Optional({ ...Code, description: 'Why the store serves only reads; absent when it is in order' }),
  last: Type.Optional(closed({ position: SafeInteger, recordedAt: IsoTime }, 'The last event in the store')),
  mark: Type.Optional(closed({ incarnation: SafeInteger, position: SafeInteger, ...openedOn }, 'Published last')),
  missingAtMost: Type.Optional({ ...SafeInteger, description: 'Published events that the store may lack' }),
  logs: Type.Optional(Type.Array(RefusedLog, { description: 'Logs that are not signed; absent when there is none' })),
})
export type StoreView = Type.Static<typeof StoreView>

/** Answer of `POST /v1/store/adopt`. */
export const AdoptedStoreView = closed({
  fromIncarnation: SafeInteger,
  toIncarnation: SafeInteger,
  revokedGrants: SafeInteger,
})
export type AdoptedStoreView = Type.Static<typeof AdoptedStoreView>

/** Answer of `POST /v1/store/logs/{log}/continue`. */
export const ContinuedLogView = closed({
  log: Uuid,
  origin: LogOrigin,
  formerOrigin: LogOrigin,
  formerSize: SafeInteger,
  keptSize: SafeInteger,
})
export type ContinuedLogView = Type.Static<typeof ContinuedLogView>

/** Answer of `POST /v1/reviews/{id}/verdicts`. */
export const RecordedVerdict = closed({ reviewId: Uuid, intentId: Uuid, state: Type.String() })
/** Answer of `GET /v1/reviews`. */
export const ReviewList = closed({ reviews: Type.Array(ReviewSummary) })

/** Answer of `GET /v1/policy-sets/active`. */
export const PolicySetView = closed({
  digest: Digest,
  engine: ShortName,
  activatedAt: IsoTime,
  rules: Type.Array(
    closed({
      id: RuleId,
      effect: Effect,
      text: Type.Optional(Type.String()),
      actions: Type.Optional(Type.Array(Type.String(), { description: 'Absent for a rule about any action' })),
      seats: Type.Optional(Type.Array(Seat)),
      assurance: Type.Optional(AssuranceDemand),
      file: Type.String(),
    }),
  ),
})

/** Answer of `GET /v1/audit`: OCSF 1.8 rows, whose own schemas are OCSF's. */
export const ReciprocalApprovals = closed({
  pairs: Type.Array(
    closed({
      people: Type.Array(Uuid, { minItems: 2, maxItems: 2 }),
      approvals: Type.Array(Type.Integer({ minimum: 1 }), {
        minItems: 2,
        maxItems: 2,
        description: 'How often the first approved for the second, and the second for the first',
      }),
      intents: Type.Array(Uuid, { maxItems: 50 }),
      lastAt: IsoTime,
    }),
    { maxItems: 200 },
  ),
  total: Type.Integer({ minimum: 0, description: 'Pairs there are; the list holds the first 200' }),
})
export type ReciprocalApprovals = Type.Static<typeof ReciprocalApprovals>

export const AuditPage = closed({
  rows: Type.Array(
    Type.Object({
      class_uid: Type.Integer(),
      activity_id: Type.Integer(),
      type_uid: Type.Integer(),
      severity_id: Type.Integer(),
      time: Type.Integer({ description: 'Milliseconds since 1970' }),
      metadata: Type.Object({ uid: Uuid, tenant_uid: Uuid, version: Type.String() }),
    }),
  ),
  next: Type.String({ description: 'Cursor of the next page; the same as before when there was nothing new' }),
})

const attributes = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))

/** Answer of `GET /v1/lineage/{kind}/{id}`. */
export const LineageView = closed({
  start: Uuid,
  direction: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('both')]),
  depth: Type.Integer({ minimum: 0 }),
  nodes: Type.Array(
    closed({
      id: Uuid,
      kind: Type.String(),
      key: Type.String(),
      label: Type.String(),
      attributes,
      firstAt: IsoTime,
      x: Type.Optional(Type.Number({ description: 'Column, from cause to effect' })),
      y: Type.Optional(Type.Number({ description: 'Place in the column' })),
      column: Type.Optional(Type.String()),
    }),
  ),
  edges: Type.Array(closed({ from: Uuid, kind: Type.String(), to: Uuid, attributes, firstAt: IsoTime })),
  truncated: Type.Boolean({ description: 'A bound cut the answer; `reason` says which' }),
  reason: Type.Optional(Type.Union([Type.Literal('depth'), Type.Literal('nodes'), Type.Literal('time')])),
  next: Type.Optional(Type.String({ description: 'Pass it back as `after` to get the rest' })),
})

/** Answer of `GET /v1/intents/{id}/story`. */
export const StoryView = closed({
  intentId: Uuid,
  path: Type.String({ description: 'The whole of it in a line' }),
  steps: Type.Array(
    closed({
      at: IsoTime,
      event: Type.String(),
      eventId: Uuid,
      text: Type.String({ description: 'One plain sentence' }),
      actor: Type.Optional(closed({ id: Uuid, name: Type.String() })),
      channel: Type.Optional(Type.String()),
      code: Type.Optional(Code),
      rules: Type.Optional(Type.Array(RuleId)),
    }),
  ),
})

/** Answer of `GET /v1/ledger/logs`. */
export const LedgerLogs = closed({
  logs: Type.Array(
    closed({
      log: Uuid,
      origin: Type.String(),
      vkey: Type.String({ description: 'Verifier key (c2sp.org/signed-note)' }),
      size: SafeInteger,
    }),
  ),
})

/** Answer of `GET /v1/ledger/{log}/events/{id}/proof`. */
export const EventProof = closed({
  log: Uuid,
  origin: Type.String(),
  index: SafeInteger,
  size: SafeInteger,
  leafHash: Digest,
  proof: Type.String({ description: 'Index, hashes and signed checkpoint (c2sp.org/tlog-proof)' }),
})

/** Answer of `GET /v1/ledger/{log}/continuations`. */
export const LogContinuations = closed({
  log: Uuid,
  origin: Type.String({ description: 'What the log is called now' }),
  continuations: Type.Array(
    closed({
      proof: Type.String({ description: 'Of the entry that says it, under the origin of now (c2sp.org/tlog-proof)' }),
      leaf: Type.String({ description: 'The entry itself, base64' }),
    }),
  ),
})
export type LogContinuations = Type.Static<typeof LogContinuations>

/** Answer of `GET /v1/ledger/{log}/consistency`. */
export const ConsistencyProof = closed({
  from: SafeInteger,
  to: SafeInteger,
  hashes: Type.Array(Type.String({ description: 'SHA-256, base64' })),
})

/** Answer of `GET /.well-known/countersign`. */
export const ServiceDirectory = closed({
  api_version: Type.Literal('v1'),
  intents_endpoint: Type.String(),
  grants_endpoint: Type.String(),
  executions_endpoint: Type.String(),
  reviews_endpoint: Type.String(),
  audit_endpoint: Type.String(),
  lineage_endpoint: Type.String(),
  ledger_endpoint: Type.String(),
  jwks_uri: Type.String(),
})

/** Answer of `GET /.well-known/jwks.json` (RFC 7517): the public keys of grants and receipts. */
export const JsonWebKeySet = closed({
  keys: Type.Array(
    closed({
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
      kid: Type.String(),
      use: Type.Literal('sig'),
      alg: Type.Literal('EdDSA'),
    }),
  ),
})

/** Answer of `GET /healthz`. */
export const LivenessView = closed({ status: Type.Literal('alive') })

/** Answer of `GET /readyz`. */
export const ReadinessView = closed({
  status: Type.Union([Type.Literal('ready'), Type.Literal('degraded'), Type.Literal('not_ready')]),
  checks: Type.Array(
    closed({
      name: Code,
      status: Type.Union([Type.Literal('ok'), Type.Literal('failing')]),
      since: IsoTime,
      code: Type.Optional(Code),
    }),
  ),
})
