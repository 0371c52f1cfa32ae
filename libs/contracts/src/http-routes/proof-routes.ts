import { Type } from 'typebox'
import {
  AuditPage,
  ConsistencyProof,
  EventProof,
  LedgerLogs,
  LineageView,
  LivenessView,
  ReadinessView,
  StoryView,
} from '../view.schema.ts'
import type { HttpRoute } from './route.ts'

const ofPerson = ['not_human', 'person_inactive'] as const
const ofReader = ['person_inactive', 'unknown_producer'] as const
const binary = 'application/octet-stream'
const text = 'text/plain; charset=utf-8'

const walk = {
  direction: Type.Optional(
    Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('both')], { default: 'both' }),
  ),
  depth: Type.Optional(Type.Integer({ minimum: 0, maximum: 20, default: 8 })),
  maxNodes: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000, default: 500 })),
  asOf: Type.Optional(Type.String({ description: 'Only what was recorded up to then; RFC 3339 in UTC' })),
  after: Type.Optional(Type.String({ maxLength: 512, description: '`next` of an answer that was cut' })),
} as const

/** What auditors, analysts and SIEM collectors call: served by ledger and lineage-projector; health by every service. */
export const proofRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/v1/ledger/logs',
    operation: 'listLogs',
    folder: 'ledger/serve-proof',
    summary: 'Logs of the caller’s tenant with the keys that verify them.',
    callers: ['auditor', 'analyst', 'operator', 'reviewer'],
    answers: [{ status: 200, description: 'The logs', body: LedgerLogs }],
    refusals: [...ofPerson],
  },
  {
    method: 'GET',
    path: '/v1/ledger/{log}/checkpoint',
    operation: 'readCheckpoint',
    folder: 'ledger/serve-proof',
    summary: 'The last signed checkpoint (c2sp.org/tlog-checkpoint).',
    callers: ['anyone'],
    answers: [{ status: 200, description: 'A signed note', contentType: text }],
    refusals: ['not_found'],
  },
  {
    method: 'GET',
    path: '/v1/ledger/{log}/tile/{path}',
    operation: 'readTile',
    folder: 'ledger/serve-proof',
    summary: 'Hashes of the tree (c2sp.org/tlog-tiles).',
    callers: ['anyone'],
    answers: [{ status: 200, description: '32 bytes a hash', contentType: binary }],
    refusals: ['not_found'],
  },
  {
    method: 'GET',
    path: '/v1/ledger/{log}/tile/entries/{path}',
    operation: 'readEntryBundle',
    folder: 'ledger/serve-proof',
    summary: 'Entries of the log (c2sp.org/tlog-tiles). They hold what was recorded, so they are for auditors.',
    callers: ['auditor'],
    answers: [{ status: 200, description: 'Up to 256 entries', contentType: binary }],
    refusals: [...ofPerson, 'not_allowed', 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/ledger/{log}/events/{eventId}/proof',
    operation: 'proveEvent',
    folder: 'ledger/serve-proof',
    summary: 'Proof that an event is in the log; the bare proof text for `Accept: text/plain`.',
    callers: ['anyone'],
    answers: [{ status: 200, description: 'The proof with its checkpoint', body: EventProof }],
    refusals: ['not_found'],
  },
  {
    method: 'GET',
    path: '/v1/ledger/{log}/consistency',
    operation: 'proveGrowth',
    folder: 'ledger/serve-proof',
    summary: 'Proof that a larger tree continues a smaller one.',
    callers: ['anyone'],
    query: Type.Object({
      from: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      to: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    }),
    answers: [{ status: 200, description: 'The hashes (RFC 6962 §2.1.2)', body: ConsistencyProof }],
    refusals: ['not_found'],
  },
  {
    method: 'GET',
    path: '/v1/audit',
    operation: 'readAuditRows',
    folder: 'lineage-projector/query-audit',
    summary: 'OCSF 1.8 rows, oldest first; one a line for `Accept: application/x-ndjson`.',
    callers: ['analyst', 'auditor', 'collector'],
    query: Type.Object({
      after: Type.Optional(Type.String({ maxLength: 64, description: 'Cursor from the last page' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000, default: 500 })),
    }),
    answers: [{ status: 200, description: 'A page of rows', body: AuditPage }],
    refusals: [...ofReader, 'not_allowed'],
  },
  {
    method: 'GET',
    path: '/v1/lineage/{kind}/{id}',
    operation: 'readLineage',
    folder: 'lineage-projector/query-lineage',
    summary: 'What stands around an agent, model, person, dataset or intent; says when it was cut.',
    callers: ['analyst', 'auditor'],
    query: Type.Object(walk),
    answers: [{ status: 200, description: 'Nodes and edges', body: LineageView }],
    refusals: [...ofReader, 'not_allowed', 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/lineage/{kind}',
    operation: 'readLineageByKey',
    folder: 'lineage-projector/query-lineage',
    summary: 'The same for a natural key that no path can hold, such as a dataset’s with a slash.',
    callers: ['analyst', 'auditor'],
    query: Type.Object({ key: Type.String({ maxLength: 1_024 }), ...walk }),
    answers: [{ status: 200, description: 'Nodes and edges', body: LineageView }],
    refusals: [...ofReader, 'not_allowed', 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/intents/{intentId}/story',
    operation: 'tellStory',
    folder: 'lineage-projector/tell-story',
    summary: 'Everything that happened around an intent, in sentences. Requesters and owners have their own.',
    callers: ['requester', 'owner', 'reviewer', 'analyst', 'auditor'],
    answers: [{ status: 200, description: 'The story', body: StoryView }],
    refusals: [...ofReader, 'unknown_intent'],
  },
  {
    method: 'GET',
    path: '/healthz',
    operation: 'isAlive',
    folder: 'service-kit',
    summary: 'The process answers.',
    callers: ['anyone'],
    answers: [{ status: 200, description: 'Alive', body: LivenessView }],
    refusals: [],
  },
  {
    method: 'GET',
    path: '/readyz',
    operation: 'isReady',
    folder: 'service-kit',
    summary: 'The service can do its work, check by check.',
    callers: ['anyone'],
    answers: [
      { status: 200, description: 'Ready, perhaps degraded', body: ReadinessView },
      { status: 503, description: 'Not ready', body: ReadinessView },
    ],
    refusals: [],
  },
]
