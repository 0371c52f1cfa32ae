import { Type } from 'typebox'
import { ImpactClaim, ModelReference } from './intent.schema.ts'
import {
  ActionName,
  AgentName,
  closed,
  Code,
  Digest,
  EnvironmentName,
  Identifier,
  IsoTime,
  PrincipalKind,
  SafeInteger,
  Salt,
  ShortName,
  Uuid,
} from './primitives.ts'
import { Effect, Seat } from './policy.schema.ts'
import { AssuranceDemand, Channel, VerdictChoice } from './review.schema.ts'

export const PersonReference = closed({
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subject: Type.String({ minLength: 1, maxLength: 255 }),
})
export const Parameters = Type.Record(Type.String({ maxLength: 128 }), Type.Unknown(), {
  description: 'What the action takes; sealed, at most 32 KiB',
})
export const Preconditions = Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 512 }), {
  maxProperties: 16,
})

/** Body of `POST /v1/intents`. */
export const PublishIntentBody = closed(
  {
    agent: closed({ name: AgentName, model: Type.Optional(ModelReference), session: Type.Optional(Identifier) }),
    onBehalfOf: Type.Optional(PersonReference),
    executor: Type.Optional(closed({ clientId: ShortName })),
    action: ActionName,
    target: Identifier,
    environment: EnvironmentName,
    parameters: Parameters,
    preconditions: Type.Optional(Preconditions),
    rationale: Type.Optional(Type.String({ maxLength: 4000 })),
    logs: Type.Optional(Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 10_000 })),
    promptDigest: Type.Optional(Digest),
    outputDigest: Type.Optional(Digest),
    impact: Type.Optional(ImpactClaim),
    deadline: Type.Optional(IsoTime),
    occurredAt: Type.Optional(IsoTime),
  },
  'An action intent as a requester publishes it',
)
export type PublishIntentBody = Type.Static<typeof PublishIntentBody>

export const IntentState = Type.Union(
  (
    [
      'published',
      'in_review',
      'allowed',
      'approved',
      'denied',
      'withdrawn',
      'expired',
      'granted',
      'redeemed',
      'revoked',
      'grant_expired',
      'succeeded',
      'failed',
      'unknown',
      'reconciled',
    ] as const
  ).map((state) => Type.Literal(state)),
)

/** Answer of `POST /v1/intents` and `GET /v1/intents/{id}`. */
export const IntentView = closed({
  intentId: Uuid,
  state: Type.String(),
  action: ActionName,
  target: Identifier,
  environment: EnvironmentName,
  actionDigest: Digest,
  bindingVersion: Type.Literal(1),
  deadline: IsoTime,
  publishedAt: IsoTime,
  effect: Type.Optional(Effect),
  code: Type.Optional(Code),
  rules: Type.Array(Type.String()),
  reasons: Type.Array(closed({ rule: Type.String(), text: Type.Optional(Type.String()) })),
  review: Type.Optional(closed({ reviewId: Uuid, seats: Type.Array(Seat), deadline: IsoTime })),
  collectBefore: Type.Optional(IsoTime),
  grantId: Type.Optional(Uuid),
})
export type IntentView = Type.Static<typeof IntentView>

export const DisclosedBinding = closed(
  {
    bindingVersion: Type.Literal(1),
    tenant: Uuid,
    intentId: Uuid,
    agent: Uuid,
    onBehalfOf: Type.Union([Uuid, Type.Null()]),
    executor: Uuid,
    action: ActionName,
    target: Identifier,
    environment: EnvironmentName,
    salt: Salt,
  },
  'What the executor needs to recompute the action digest from what it is about to run',
)

/** Answer of `POST /v1/intents/{id}/grant`. */
export const GrantView = closed({
  grantId: Uuid,
  intentId: Uuid,
  actionDigest: Digest,
  expiresAt: IsoTime,
  token: Type.String({ maxLength: 8192 }),
  binding: DisclosedBinding,
})
export type GrantView = Type.Static<typeof GrantView>

/** Body of `POST /v1/grants/{id}/redeem`. */
export const RedeemGrantBody = closed({
  token: Type.String({ maxLength: 8192 }),
  redemptionId: Uuid,
  action: ActionName,
  target: Identifier,
  environment: EnvironmentName,
  parameters: Parameters,
  preconditions: Type.Optional({ ...Preconditions, description: 'What the executor observed right before' }),
  actionDigest: Type.Optional({ ...Digest, description: 'The action digest as the executor computed it' }),
})
export type RedeemGrantBody = Type.Static<typeof RedeemGrantBody>

export const ReceiptView = closed({
  receiptId: Uuid,
  redemptionId: Uuid,
  grantId: Uuid,
  intentId: Uuid,
  actionDigest: Digest,
  redeemedAt: IsoTime,
  reportBefore: IsoTime,
  receipt: Type.String({ maxLength: 8192, description: 'Signed redemption receipt (JWS, Ed25519)' }),
})
export type ReceiptView = Type.Static<typeof ReceiptView>

/** Body of `POST /v1/executions`. */
export const ReportExecutionBody = closed({
  grantId: Uuid,
  executionId: Uuid,
  outcome: Type.Union([Type.Literal('started'), Type.Literal('succeeded'), Type.Literal('failed')]),
  code: Type.Optional(Code),
  exitCode: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
  rows: Type.Optional(SafeInteger),
  bytes: Type.Optional(SafeInteger),
  resultDigest: Type.Optional(Digest),
})
export type ReportExecutionBody = Type.Static<typeof ReportExecutionBody>

/** Body of `POST /v1/grants/{id}/reconcile`. */
export const ReconcileExecutionBody = closed({
  outcome: Type.Union([Type.Literal('succeeded'), Type.Literal('failed')]),
})
export type ReconcileExecutionBody = Type.Static<typeof ReconcileExecutionBody>

/** Body of `POST /v1/agents`. */
export const RegisterAgentBody = closed({ name: AgentName, kind: PrincipalKind })
export type RegisterAgentBody = Type.Static<typeof RegisterAgentBody>

/** Body of `POST /v1/store/adopt`. */
export const AdoptStoreBody = closed({ reason: Identifier }, 'Why the store is the one to go on with')
export type AdoptStoreBody = Type.Static<typeof AdoptStoreBody>

/** Body of `POST /v1/store/logs/{log}/continue`. */
export const ContinueLogBody = closed({ reason: Identifier }, 'Why the log goes on without the entries that are lost')
export type ContinueLogBody = Type.Static<typeof ContinueLogBody>

/** Body of `POST /v1/reviews/{id}/verdicts`. */
export const RecordVerdictBody = closed({
  verdict: VerdictChoice,
  presentationDigest: Digest,
  reason: Type.Optional(Type.String({ maxLength: 2000 })),
})
export type RecordVerdictBody = Type.Static<typeof RecordVerdictBody>

export const ReviewSummary = closed({
  reviewId: Uuid,
  intentId: Uuid,
  state: Type.String(),
  action: ActionName,
  target: Identifier,
  environment: EnvironmentName,
  agent: AgentName,
  seats: Type.Array(Seat),
  deadline: IsoTime,
  requestedAt: IsoTime,
})
export type ReviewSummary = Type.Static<typeof ReviewSummary>

/** Answer of `GET /v1/reviews/{id}`: the whole truth, as it is shown; its digest must come back with the verdict. */
export const ReviewView = closed({
  reviewId: Uuid,
  intentId: Uuid,
  state: Type.String(),
  presentationDigest: Digest,
  actionDigest: Digest,
  presentation: Type.Unknown(),
  seats: Type.Array(Seat),
  assurance: Type.Optional(AssuranceDemand),
  deadline: IsoTime,
  verdicts: Type.Array(closed({ person: Uuid, verdict: VerdictChoice, channel: Channel, recordedAt: IsoTime })),
})
export type ReviewView = Type.Static<typeof ReviewView>

/** Problem details (RFC 9457) with a stable code. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  next: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  pointer: Type.Optional(Type.String()),
  rules: Type.Optional(Type.Array(Type.String())),
  requestId: Type.Optional(Type.String()),
})
export type Problem = Type.Static<typeof Problem>
