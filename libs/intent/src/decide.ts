import { refuse, type EventData, type IntentEvent, type Refusal } from '@countersign/contracts'
import type { EvaluateIntent, ExpireIntent, IntentCommand, PublishIntent, WithdrawIntent } from './commands.ts'
import { decideReconcile, decideReport, decideUnknown } from './decide-execution.ts'
import { decideGrantExpiry, decideIssue, decideRedeem, decideRevoke } from './decide-grant.ts'
import { decideVerdict } from './decide-review.ts'
import { isPublished, isTerminal, type Intent, type IntentStream } from './state.ts'
import { after, earlier, isPast } from './time.ts'

/** Nearest and farthest deadline that an intent may carry, from now. */
export const shortestDeadlineMs = 30_000
export const longestDeadlineMs = 30 * 24 * 3_600_000

/**
 * What follows from a command: events, none when there is nothing left to do, or a refusal. Pure: ids, times and what the
 * registers say come with the command.
 */
export const decide = (command: IntentCommand, state: IntentStream): IntentEvent[] | Refusal => {
  if (state.status === 'unreadable') return refuse('unknown_event')
  if (command.type === 'PublishIntent')
    return state.status === 'unborn' ? decidePublish(command) : refuse('id_conflict')
  if (!isPublished(state)) return refuse('unknown_intent')
  return decidePublished(command, state)
}

const decidePublished = (command: Exclude<IntentCommand, PublishIntent>, intent: Intent): IntentEvent[] | Refusal => {
  switch (command.type) {
    case 'EvaluateIntent':
      return decideEvaluation(command, intent)
    case 'RecordVerdict':
      return decideVerdict(command, intent)
    case 'WithdrawIntent':
      return decideWithdrawal(command, intent)
    case 'ExpireIntent':
      return decideExpiry(command, intent)
    case 'IssueGrant':
      return decideIssue(command, intent)
    case 'RedeemGrant':
      return decideRedeem(command, intent)
    case 'RevokeGrant':
      return decideRevoke(command, intent)
    case 'ExpireGrant':
      return decideGrantExpiry(command, intent)
    case 'ReportExecution':
      return decideReport(command, intent)
    case 'MarkExecutionUnknown':
      return decideUnknown(command, intent)
    case 'ReconcileExecution':
      return decideReconcile(command, intent)
    default:
      return command satisfies never
  }
}

const decidePublish = ({ intent, now }: PublishIntent): IntentEvent[] | Refusal => {
  const span = Date.parse(intent.deadline) - Date.parse(now)
  if (!(span >= shortestDeadlineMs && span <= longestDeadlineMs))
    return refuse('deadline_invalid', { pointer: '/deadline' })
  return [{ type: 'ActionIntentPublished', data: intent }]
}

/** The policy's answer counts once; an intent past its deadline is left to expire. */
const decideEvaluation = (command: EvaluateIntent, intent: Intent): IntentEvent[] | Refusal => {
  const { now, effect, rules } = command
  const { intentId, deadline } = intent.published
  if (intent.status !== 'published') return []
  if (isPast(now, deadline)) return refuse('intent_expired', { expiresAt: deadline })
  const evaluated: EventData<'PolicyEvaluated'> = {
    intentId,
    policySetDigest: command.policySetDigest,
    engine: command.engine,
    effect,
    ...(command.code === undefined ? {} : { code: command.code }),
    reasons: [...command.reasons],
    ...(command.factsCommitment === undefined ? {} : { factsCommitment: command.factsCommitment }),
    ...(command.sealedFactsId === undefined ? {} : { sealedFactsId: command.sealedFactsId }),
    ...(command.limitsReached === undefined ? {} : { limitsReached: [...command.limitsReached] }),
  }
  return [{ type: 'PolicyEvaluated', data: evaluated }, outcomeOf(command, { intentId, deadline, rules: [...rules] })]
}

const outcomeOf = (
  command: EvaluateIntent,
  { intentId, deadline, rules }: { intentId: string; deadline: string; rules: string[] },
): IntentEvent => {
  const { now, effect, grantTtlMs } = command
  if (effect === 'allow') {
    const collectBefore = earlier(after(now, command.collectWithinMs), deadline)
    return { type: 'IntentAllowed', data: { intentId, rules, collectBefore, grantTtlMs } }
  }
  // A review without seats could be approved by nobody: that is a fault of the policy, and faults deny.
  if (effect === 'deny' || command.seats.length === 0) {
    return {
      type: 'IntentDenied',
      data: { intentId, code: command.code ?? (effect === 'deny' ? 'policy_denied' : 'policy_error'), rules },
    }
  }
  return {
    type: 'ReviewRequested',
    data: {
      intentId,
      reviewId: command.reviewId,
      rules,
      seats: [...command.seats],
      ...(command.assurance === undefined ? {} : { assurance: command.assurance }),
      deadline: earlier(after(now, command.reviewWithinMs), deadline),
      grantTtlMs,
      excludedAuthors: [...command.excludedAuthors],
      requestedAt: now,
    },
  }
}

const decideWithdrawal = ({ by, now }: WithdrawIntent, intent: Intent): IntentEvent[] | Refusal => {
  const { status, published } = intent
  if (status === 'withdrawn') return []
  if (status === 'granted' || status === 'redeemed' || status === 'unknown') return refuse('too_late_to_withdraw')
  if (isTerminal(intent)) return refuse('intent_closed')
  const end = expiresAt(intent)
  if (end !== undefined && isPast(now, end)) return refuse('intent_expired', { expiresAt: end })
  return [{ type: 'IntentWithdrawn', data: { intentId: published.intentId, by } }]
}

/** The moment at which an undecided or uncollected intent ends; undefined when it has no such end any more. */
export const expiresAt = ({ status, published, review, collectBefore }: Intent): string | undefined => {
  if (status === 'published') return published.deadline
  if (status === 'in_review')
    return review === undefined ? published.deadline : earlier(review.deadline, published.deadline)
  if (status === 'allowed' || status === 'approved') return collectBefore ?? published.deadline
  return undefined
}

const decideExpiry = ({ now }: ExpireIntent, intent: Intent): IntentEvent[] => {
  const deadline = expiresAt(intent)
  return deadline !== undefined && isPast(now, deadline)
    ? [{ type: 'IntentExpired', data: { intentId: intent.published.intentId, deadline } }]
    : []
}
