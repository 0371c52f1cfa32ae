import { definitionOf, isEventName, type IntentEvent, type RecordedEvent } from '@countersign/contracts'
import { type ExecutionResult, initialState, isPublished, type Intent, type IntentStream } from './state.ts'

/** The state after one more event. Events are facts: nothing is checked here but that the stream makes sense. */
export const evolve = (state: IntentStream, event: IntentEvent): IntentStream => {
  if (state.status === 'unreadable') return state
  if (event.type === 'ActionIntentPublished') return { status: 'published', published: event.data }
  if (!isPublished(state)) return { status: 'unreadable' }
  return evolvePublished(state, event)
}

const ended = ({
  executionId,
  ...result
}: ExecutionResult & { executionId: string }): NonNullable<Intent['execution']> => ({
  executionId,
  started: true,
  result,
})

const evolvePublished = (
  state: Intent,
  event: Exclude<IntentEvent, { type: 'ActionIntentPublished' }>,
): IntentStream => {
  switch (event.type) {
    case 'PolicyEvaluated':
      return { ...state, evaluation: event.data }
    case 'IntentAllowed':
      return { ...state, status: 'allowed', collectBefore: event.data.collectBefore, grantTtlMs: event.data.grantTtlMs }
    case 'IntentDenied':
      return { ...state, status: 'denied' }
    case 'ReviewRequested': {
      const { intentId: _intent, rules: _rules, ...review } = event.data
      return {
        ...state,
        status: 'in_review',
        grantTtlMs: review.grantTtlMs,
        review: { ...review, verdicts: [] },
      }
    }
    case 'VerdictRecorded': {
      if (state.review === undefined) return { status: 'unreadable' }
      const { person, verdict, account } = event.data
      const verdicts = [...state.review.verdicts, { person, verdict, accountId: account.accountId }]
      return { ...state, review: { ...state.review, verdicts } }
    }
    case 'ReviewApproved':
      return { ...state, status: 'approved', collectBefore: event.data.collectBefore }
    case 'ReviewDenied':
      return { ...state, status: 'denied' }
    case 'IntentWithdrawn':
      return { ...state, status: 'withdrawn' }
    case 'IntentExpired':
      return { ...state, status: 'expired' }
    case 'GrantIssued': {
      const { grantId, executor, credential, issuedAt, expiresAt } = event.data
      const { kind: _kind, ...boundTo } = credential
      return {
        ...state,
        status: 'granted',
        grant: {
          grantId,
          executor,
          ...boundTo,
          issuedAt,
          expiresAt,
        },
      }
    }
    case 'GrantRedeemed': {
      if (state.grant === undefined) return { status: 'unreadable' }
      const { redemptionId, receiptId, redeemedAt, reportBefore } = event.data
      return {
        ...state,
        status: 'redeemed',
        grant: { ...state.grant, redemption: { redemptionId, receiptId, redeemedAt, reportBefore } },
      }
    }
    case 'GrantRevoked':
      return { ...state, status: 'revoked' }
    case 'GrantExpired':
      return { ...state, status: 'grant_expired' }
    case 'ExecutionStarted':
      return { ...state, execution: { executionId: event.data.executionId, started: true } }
    case 'ExecutionSucceeded':
      return { ...state, status: 'succeeded', execution: ended(event.data) }
    case 'ExecutionFailed':
      return { ...state, status: 'failed', execution: ended(event.data) }
    case 'ExecutionUnknown':
      return { ...state, status: 'unknown' }
    case 'ExecutionReconciled':
      return { ...state, status: 'reconciled', reconciled: { by: event.data.by, outcome: event.data.outcome } }
    default:
      return event satisfies never
  }
}

const isIntentEvent = (event: RecordedEvent): event is RecordedEvent & IntentEvent =>
  isEventName(event.type) &&
  definitionOf(event.type).kind === 'intent' &&
  definitionOf(event.type).version === event.schemaVersion

/**
 * State of a stream as the store returned it, in version order. A type or version that is not known makes the stream
 * unreadable, so that every decider refuses instead of guessing.
 */
export const foldIntent = (events: readonly RecordedEvent[]): IntentStream =>
  events.reduce<IntentStream>(
    (state, event) => (isIntentEvent(event) ? evolve(state, event) : { status: 'unreadable' }),
    initialState,
  )
