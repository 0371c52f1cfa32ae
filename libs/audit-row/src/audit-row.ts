import {
  wireType,
  type AttemptEventName,
  type IntentEventName,
  type RecordedEventOf,
  type RegisterEventName,
} from '@countersign/contracts'
import { mapAttempt } from './map-attempt.ts'
import { mapIntent } from './map-intent.ts'
import { mapRegister } from './map-register.ts'
import type { Actor, IntentContext, Meaning } from './meaning.ts'
import { classes, outcomes, severities, type AuditRow } from './ocsf.ts'
import { leafHashOf, metadataOf, provenanceOf, type RowPlace } from './row-place.ts'

export type AuditRowOptions = RowPlace & {
  /** Action, target and agent of the intent; a row without it tells less, never something else. */
  readonly context?: IntentContext
}

/** The context that every later row of an intent takes from its first event. */
export const intentContext = ({ data }: RecordedEventOf<'ActionIntentPublished'>): IntentContext => ({
  agent: data.agent.subjectId,
  agentName: data.agent.name,
  executor: data.executor.subjectId,
  ...(data.agent.model === undefined ? {} : { model: data.agent.model.name }),
  action: data.action,
  target: data.target,
  environment: data.environment,
  producer: data.producer,
})

/**
 * Maps an event to its OCSF 1.8.0 row. Pure, and total over the catalogue: every event is a row, refused attempts too.
 * It shows subject ids, never names, and nothing that is sealed. OCSF has no class for approvals yet, so decisions are
 * API Activity with the security_control profile.
 */
export const toAuditRow = (event: RecordedEventOf, options: AuditRowOptions = {}): AuditRow => {
  const context = event.type === 'ActionIntentPublished' ? intentContext(event as never) : options.context
  const meaning = meaningOf(event, context)
  const of = classes[meaning.class]
  const [activityId, activityName] = meaning.activity
  const severity = meaning.severity ?? 1
  const intentId = 'intentId' in event.data ? event.data.intentId : undefined
  return {
    ...of,
    activity_id: activityId,
    activity_name: activityName,
    type_uid: of.class_uid * 100 + activityId,
    severity_id: severity,
    severity: severities[severity],
    time: Date.parse(event.recordedAt),
    message: meaning.message,
    ...outcomes[meaning.outcome],
    is_alert: meaning.isAlert ?? false,
    status_id: meaning.status.id,
    status: meaning.status.name,
    ...(meaning.status.code === undefined ? {} : { status_code: meaning.status.code }),
    ...(meaning.status.detail === undefined ? {} : { status_detail: meaning.status.detail }),
    ...(meaning.count === undefined ? {} : { count: meaning.count }),
    metadata: {
      ...metadataOf({ ...event, wireType: wireType(event.type, event.schemaVersion), intentId }, options),
      ...(event.type === 'ActionIntentPublished' && event.data.occurredAt !== undefined
        ? { original_time: event.data.occurredAt }
        : {}),
    },
    actor: actorOf(meaning.actor),
    api: {
      operation: meaning.operation,
      service: { name: 'countersign' },
      ...(intentId === undefined ? {} : { request: { uid: intentId } }),
    },
    src_endpoint: { name: meaning.from, svc_name: meaning.from },
    ...(meaning.authorizations === undefined ? {} : { authorizations: meaning.authorizations }),
    ...(context !== undefined && (meaning.class === 'api_activity' || meaning.class === 'user_access')
      ? { resources: resourcesOf(context) }
      : {}),
    ...leafHashOf(options),
    ...meaning.members,
    unmapped: {
      ...provenanceOf(options),
      ...(context === undefined ? {} : contextMembers(context)),
      ...meaning.unmapped,
    },
  }
}

const meaningOf = (event: RecordedEventOf, context: IntentContext | undefined): Meaning => {
  switch (event.kind) {
    case 'intent':
      return mapIntent(event as RecordedEventOf<IntentEventName>, context)
    case 'attempts':
      return mapAttempt(event as RecordedEventOf<AttemptEventName>)
    case 'register':
      return mapRegister(event as RecordedEventOf<RegisterEventName>)
    default:
      return event.kind satisfies never
  }
}

const actorOf = (actor: Actor) => {
  if ('service' in actor) return { app_name: actor.service }
  if ('software' in actor) return { user: { uid: actor.software, type_id: 4, type: 'Service' } }
  return {
    user: {
      uid: actor.person,
      type_id: 1,
      type: 'User',
      ...(actor.hasMfa === undefined ? {} : { has_mfa: actor.hasMfa }),
    },
    ...(actor.provider === undefined ? {} : { idp: { name: actor.provider } }),
  }
}

/** The target, and the agent that asked: it is no actor of what policy, reviewers or executors do. */
const resourcesOf = (context: IntentContext) => [
  { uid: context.target, name: context.target, namespace: context.environment, role_id: 1, role: 'Target' },
  { uid: context.agent, name: context.agentName, type: 'AI Agent', role_id: 2, role: 'Actor' },
  ...(context.model === undefined ? [] : [{ name: context.model, type: 'AI Model', role_id: 4, role: 'Related' }]),
]

const contextMembers = ({ action, target, environment, agent, agentName, model, producer }: IntentContext) => ({
  action,
  target,
  environment,
  agent,
  agent_name: agentName,
  producer,
  ...(model === undefined ? {} : { model }),
})
