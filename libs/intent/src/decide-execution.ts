import { refuse, type IntentEvent, type Refusal } from '@countersign/contracts'
import type { MarkExecutionUnknown, ReconcileExecution, ReportExecution } from './commands.ts'
import type { ExecutionResult, Intent } from './state.ts'
import { isPast } from './time.ts'

/** The executor reports by itself, or over the topic of the producer that asked, which only that producer can write. */
const mayReport = ({ executor, clientId, producer }: ReportExecution, { grant, published }: Intent): boolean =>
  producer === undefined ? grant?.executor === executor && grant.clientId === clientId : published.producer === producer

/**
 * What the executor says happened. A result that arrives after the attempt was marked unknown reconciles it; repeating the
 * same report changes nothing, and another result is none; nothing can be reported that was not redeemed.
 */
export const decideReport = (command: ReportExecution, intent: Intent): IntentEvent[] | Refusal => {
  const { grantId, executionId, outcome, result, code } = command
  const { grant, status, published, execution } = intent
  const { intentId } = published
  if (grant === undefined || grant.grantId !== grantId) return refuse('unknown_grant')
  if (!mayReport(command, intent)) return refuse('wrong_executor')
  if (grant.redemption === undefined) return refuse('not_redeemed')
  if (execution !== undefined && execution.executionId !== executionId) return refuse('already_reported')
  if (status === 'succeeded' || status === 'failed') {
    const isSame = status === outcome && isSameResult(execution?.result, resultOf(command))
    return outcome === 'started' || isSame ? [] : refuse('already_reported')
  }
  if (status === 'reconciled') {
    const { reconciled } = intent
    return reconciled?.by === command.executor && reconciled.outcome === outcome ? [] : refuse('already_reported')
  }
  if (outcome === 'started') {
    return execution?.started === true || status !== 'redeemed'
      ? []
      : [{ type: 'ExecutionStarted', data: { intentId, grantId, executionId } }]
  }
  if (status === 'unknown') {
    return [{ type: 'ExecutionReconciled', data: { intentId, grantId, outcome, by: command.executor } }]
  }
  const ids = { intentId, grantId, executionId }
  return outcome === 'succeeded'
    ? [{ type: 'ExecutionSucceeded', data: { ...ids, ...result } }]
    : [{ type: 'ExecutionFailed', data: { ...ids, ...result, code: code ?? withoutCode } }]
}

/** What a failure without a code of its own is told as. */
const withoutCode = 'failed'

const resultOf = ({ outcome, result, code = withoutCode }: ReportExecution): ExecutionResult =>
  outcome === 'failed' ? { ...result, code } : result

/** Whether two tell the same; what one leaves out the other must not tell. */
const isSameResult = (one: ExecutionResult | undefined, other: ExecutionResult): boolean =>
  resultFields.every((field) => one?.[field] === other[field])

const resultFields = ['exitCode', 'rows', 'bytes', 'resultDigest', 'code'] as const satisfies (keyof ExecutionResult)[]

/** Nobody reported in time: whether it ran is unknown, and nothing is given out again. */
export const decideUnknown = ({ now }: MarkExecutionUnknown, { status, grant, published }: Intent): IntentEvent[] =>
  status === 'redeemed' && grant?.redemption !== undefined && isPast(now, grant.redemption.reportBefore)
    ? [
        {
          type: 'ExecutionUnknown',
          data: { intentId: published.intentId, grantId: grant.grantId, code: 'not_reported' },
        },
      ]
    : []

/** A person found out what happened. The executor's side cannot close its own gap this way. */
export const decideReconcile = ({ by, outcome }: ReconcileExecution, intent: Intent): IntentEvent[] | Refusal => {
  const { status, grant, published } = intent
  if (grant === undefined) return refuse('unknown_grant')
  if (status === 'reconciled') return refuse('already_reported')
  if (status !== 'unknown') return refuse(status === 'redeemed' ? 'not_allowed' : 'already_reported')
  if (by === published.requester || by === grant.executor || by === published.onBehalfOf) return refuse('not_allowed')
  return [{ type: 'ExecutionReconciled', data: { intentId: published.intentId, grantId: grant.grantId, outcome, by } }]
}
