import type { IntentView } from '@countersign/contracts'
import type { LoadedStream } from '@countersign/event-store'
import { expiresAt, foldIntent, isPublished, type Intent } from '@countersign/intent'

/** State as a requester sees it: past its deadline an intent is expired, whether or not that is recorded yet. */
const stateNow = (intent: Intent, now: string): string => {
  const end = expiresAt(intent)
  if (end !== undefined && Date.parse(now) >= Date.parse(end)) return 'expired'
  if (
    intent.status === 'granted' &&
    intent.grant !== undefined &&
    Date.parse(now) >= Date.parse(intent.grant.expiresAt)
  )
    return 'grant_expired'
  return intent.status
}

const denialOf = (stream: LoadedStream): { code?: string; rules: string[] } => {
  for (const event of stream.events) {
    if (event.type === 'IntentDenied') return { code: event.data.code, rules: event.data.rules }
    if (event.type === 'IntentAllowed' || event.type === 'ReviewRequested') return { rules: event.data.rules }
  }
  return { rules: [] }
}

/** What a requester may know of an intent; undefined when the stream holds none that can be read. */
export const intentView = (stream: LoadedStream, now: string): IntentView | undefined => {
  const intent = foldIntent(stream.events)
  const [first] = stream.events
  if (!isPublished(intent) || first === undefined) return undefined
  const { published, evaluation, review, collectBefore, grant } = intent
  const state = stateNow(intent, now)
  const denial = denialOf(stream)
  const code =
    state === 'denied' && review !== undefined ? 'intent_denied' : state === 'expired' ? 'intent_expired' : denial.code
  return {
    intentId: published.intentId,
    state,
    action: published.action,
    target: published.target,
    environment: published.environment,
    actionDigest: published.actionDigest,
    bindingVersion: 1,
    deadline: published.deadline,
    publishedAt: first.recordedAt,
    ...(evaluation === undefined ? {} : { effect: evaluation.effect }),
    ...(code === undefined ? {} : { code }),
    rules: denial.rules,
    reasons: (evaluation?.reasons ?? []).map(({ rule, text }) => ({ rule, ...(text === undefined ? {} : { text }) })),
    ...(review === undefined
      ? {}
      : { review: { reviewId: review.reviewId, seats: [...review.seats], deadline: review.deadline } }),
    ...(collectBefore === undefined ? {} : { collectBefore }),
    ...(grant === undefined ? {} : { grantId: grant.grantId }),
  }
}

/** Whether waiting longer can change what the requester is told. */
export const isUndecided = (view: IntentView): boolean => view.state === 'published' || view.state === 'in_review'
