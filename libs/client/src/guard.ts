import { randomUUID } from 'node:crypto'
import type { GrantView, IntentView, PublishIntentBody, ReceiptView, ReportExecutionBody } from '@countersign/contracts'
import { CountersignRefused, isTransient, ProofInvalid } from './errors.ts'
import { digestOf, type ConcreteAction } from './verify-grant.ts'

/** An intent without what the service adds; `parameters` are what will run. */
export type GuardedAction = Omit<PublishIntentBody, 'parameters' | 'preconditions'> &
  ConcreteAction & {
    /**
     * Looks at the target right before the grant is used, and tells each of `preconditions` as it is now: a resource
     * version, a plan digest, a row estimate. Compulsory with preconditions: what nobody looks at is no precondition.
     */
    readonly observe?: (() => Observed | Promise<Observed>) | undefined
    /** The same key with the same content is the same intent. Default: a new one. */
    readonly idempotencyKey?: string
    /** How long to wait for a decision, ms. Default: until the intent's deadline. */
    readonly waitMs?: number | undefined
    readonly signal?: AbortSignal | undefined
    /** Told when the intent is published and at each new state until it is decided. */
    readonly onState?: (intent: IntentView) => void
    /** Told when something ran and its result could not be reported; the execution will be marked unknown. */
    readonly onUnreported?: (error: unknown) => void
  }

type Observed = Readonly<Record<string, string>>

/** What an action that ran may report about itself; counts and digests only. */
export type Outcome = Pick<ReportExecutionBody, 'rows' | 'bytes' | 'exitCode' | 'resultDigest' | 'code'> & {
  readonly succeeded?: boolean
}

export type Guarded<Value> = { readonly value: Value; readonly outcome?: Outcome }

/** The calls that a guard is made of. */
type Calls = {
  readonly publish: (intent: PublishIntentBody, idempotencyKey?: string, signal?: AbortSignal) => Promise<IntentView>
  readonly awaitDecision: (
    intentId: string,
    options: {
      waitMs?: number | undefined
      signal?: AbortSignal | undefined
      onState?: ((intent: IntentView) => void) | undefined
    },
  ) => Promise<IntentView>
  readonly collect: (intentId: string, signal?: AbortSignal) => Promise<GrantView>
  readonly redeem: (
    grant: GrantView,
    concrete: ConcreteAction,
    options: { observed?: Observed | undefined; signal?: AbortSignal | undefined },
  ) => Promise<ReceiptView>
  readonly report: (execution: ReportExecutionBody) => Promise<void>
}

const mayCollect = ['allowed', 'approved', 'granted']

const refusalOf = (intent: IntentView): CountersignRefused =>
  new CountersignRefused({
    code: intent.code ?? `intent_${intent.state}`,
    title: `the intent is ${intent.state.replaceAll('_', ' ')}`,
    status: 403,
    rules: intent.rules,
  })

export const guarding = ({ publish, awaitDecision, collect, redeem, report }: Calls) => {
  /**
   * Publishes, waits for the decision and collects; throws the refusal when the answer is no. The grant is for exactly
   * this action: its digest was recomputed here.
   */
  const obtain = async (guarded: GuardedAction): Promise<{ intent: IntentView; grant: GrantView }> => {
    const { idempotencyKey, waitMs, signal, onState, onUnreported: _, observe: __, ...body } = guarded
    const published = await publish(body as PublishIntentBody, idempotencyKey ?? randomUUID(), signal)
    onState?.(published)
    const intent = mayCollect.includes(published.state)
      ? published
      : await awaitDecision(published.intentId, { waitMs, signal, onState })
    if (!mayCollect.includes(intent.state)) throw refusalOf(intent)
    const grant = await collect(intent.intentId, signal)
    const isThisAction =
      grant.intentId === intent.intentId &&
      grant.binding.intentId === intent.intentId &&
      grant.actionDigest === intent.actionDigest &&
      digestOf(grant.binding, guarded) === grant.actionDigest
    if (!isThisAction) throw new ProofInvalid('the grant is for another action')
    return { intent, grant }
  }

  /**
   * Runs `run` only under a redeemed grant for exactly this action on a target that is as it was approved, and reports what
   * happened. When `run` throws, a failure
   * is reported and the error passed on. Whoever is refused when reporting the start does not run; a report of what ran
   * that does not arrive undoes nothing: `onUnreported` is told and the execution is left to be marked unknown.
   */
  const guard = async <Value>(
    guarded: GuardedAction,
    run: (receipt: ReceiptView, intent: IntentView) => Promise<Guarded<Value>>,
  ): Promise<Value> => {
    const { observe, signal, preconditions = {} } = guarded
    if (observe === undefined && Object.keys(preconditions).length > 0)
      throw new TypeError('a guarded action with preconditions has to observe them')
    const { intent, grant } = await obtain(guarded)
    const receipt = await redeem(grant, guarded, { observed: await observe?.(), signal })
    const ids = { grantId: grant.grantId, executionId: randomUUID() }
    await report({ ...ids, outcome: 'started' }).catch((error: unknown) => {
      if (!isTransient(error)) throw error
    })
    const finish = (execution: Omit<ReportExecutionBody, 'grantId' | 'executionId'>): Promise<void> =>
      report({ ...ids, ...execution }).catch((error: unknown) => guarded.onUnreported?.(error))
    let result: Guarded<Value>
    try {
      result = await run(receipt, intent)
    } catch (error) {
      await finish({ outcome: 'failed', code: 'threw' })
      throw error
    }
    const { succeeded = true, code, ...facts } = result.outcome ?? {}
    await finish(
      succeeded ? { outcome: 'succeeded', ...facts } : { outcome: 'failed', ...facts, code: code ?? 'failed' },
    )
    return result.value
  }

  return { obtain, guard }
}
