import { randomUUID } from 'node:crypto'
import type { GrantView, IntentView, PublishIntentBody, ReceiptView, ReportExecutionBody } from '@countersign/contracts'
import type { TokenSource } from './access-token.ts'
import { CountersignRefused, DecisionPending, ProofInvalid } from './errors.ts'
import { http } from './http.ts'
import { digestOf, receiptVerifier, type ConcreteAction } from './verify-grant.ts'

export type ClientOptions = {
  /** Base URL of the deployment, for example `http://127.0.0.1:7400`. */
  readonly baseUrl: string
  readonly token: TokenSource
}

/** An intent without what the service adds; `parameters` are what will run. */
export type GuardedAction = Omit<PublishIntentBody, 'parameters' | 'preconditions'> &
  ConcreteAction & {
    /** The same key with the same content is the same intent. Default: a new one. */
    readonly idempotencyKey?: string
    /** How long to wait for a decision, ms. Default: until the intent's deadline. */
    readonly waitMs?: number
    readonly signal?: AbortSignal
    /** Told when the intent is published and when it is decided. */
    readonly onState?: (intent: IntentView) => void
  }

/** What an action that ran may report about itself; counts and digests only. */
export type Outcome = Pick<ReportExecutionBody, 'rows' | 'bytes' | 'exitCode' | 'resultDigest' | 'code'> & {
  readonly succeeded?: boolean
}

export type Guarded<Value> = { readonly value: Value; readonly outcome?: Outcome }

const decided = (intent: IntentView): boolean => intent.state !== 'published' && intent.state !== 'in_review'
const pollMs = 20_000

/** A client of one deployment. Every method fails closed: an error, a time-out or a refusal means the action does not run. */
export const countersign = ({ baseUrl, token }: ClientOptions) => {
  const call = http(baseUrl, token)
  const verifyReceipt = receiptVerifier(baseUrl)

  const publish = (intent: PublishIntentBody, idempotencyKey: string = randomUUID()): Promise<IntentView> =>
    call('/v1/intents', { method: 'POST', body: intent, headers: { 'idempotency-key': idempotencyKey } })

  /** The intent as it stands, or once it is decided, at most `waitMs` later. */
  const read = (intentId: string, waitMs = 0, signal?: AbortSignal): Promise<IntentView> =>
    call(`/v1/intents/${intentId}${waitMs > 0 ? `?waitMs=${Math.min(waitMs, pollMs)}` : ''}`, { signal })

  const awaitDecision = async (
    intentId: string,
    { waitMs, signal }: { waitMs?: number | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<IntentView> => {
    const until = waitMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + waitMs
    for (;;) {
      signal?.throwIfAborted()
      const left = until - Date.now()
      const intent = await read(intentId, Math.max(0, Math.min(left, pollMs)), signal)
      if (decided(intent)) return intent
      if (Date.now() >= until) throw new DecisionPending(intentId)
    }
  }

  const withdraw = (intentId: string): Promise<IntentView> =>
    call(`/v1/intents/${intentId}/withdraw`, { method: 'POST', body: {} })
  const collect = (intentId: string): Promise<GrantView> =>
    call(`/v1/intents/${intentId}/grant`, { method: 'POST', body: {} })

  /** Uses the grant for exactly `concrete`; resolves only with a receipt whose signature and content were verified. */
  const redeem = async (
    grant: GrantView,
    concrete: ConcreteAction,
    redemptionId: string = randomUUID(),
  ): Promise<ReceiptView> => {
    const { action, target, environment, parameters, preconditions } = concrete
    const receipt = await call<ReceiptView>(`/v1/grants/${grant.grantId}/redeem`, {
      method: 'POST',
      body: {
        token: grant.token,
        redemptionId,
        action,
        target,
        environment,
        parameters,
        ...(preconditions === undefined ? {} : { preconditions }),
      },
    })
    await verifyReceipt(receipt, { actionDigest: digestOf(grant.binding, concrete), redemptionId })
    return receipt
  }

  const revoke = (grantId: string): Promise<void> => call(`/v1/grants/${grantId}/revoke`, { method: 'POST', body: {} })
  const report = (execution: ReportExecutionBody): Promise<void> =>
    call('/v1/executions', { method: 'POST', body: execution })

  const refusalOf = (intent: IntentView): CountersignRefused =>
    new CountersignRefused({
      code: intent.code ?? `intent_${intent.state}`,
      title: `the intent is ${intent.state}`,
      status: 403,
      rules: intent.rules,
    })

  /** Publishes, waits for the decision and collects; throws the refusal when the answer is no. */
  const obtain = async (guarded: GuardedAction): Promise<{ intent: IntentView; grant: GrantView }> => {
    const { idempotencyKey, waitMs, signal, onState, ...body } = guarded
    const published = await publish(body as PublishIntentBody, idempotencyKey)
    onState?.(published)
    const intent = decided(published) ? published : await awaitDecision(published.intentId, { waitMs, signal })
    if (intent.state !== published.state) onState?.(intent)
    if (intent.state !== 'allowed' && intent.state !== 'approved' && intent.state !== 'granted') throw refusalOf(intent)
    const grant = await collect(intent.intentId)
    if (digestOf(grant.binding, guarded) !== grant.actionDigest || grant.actionDigest !== intent.actionDigest) {
      throw new ProofInvalid('the grant is for another action')
    }
    return { intent, grant }
  }

  /**
   * Runs `run` only under a redeemed grant for exactly this action, and reports what happened. When `run` throws, a failure
   * is reported and the error passed on. A report that cannot be delivered does not undo what ran: it is retried thrice and
   * then left to be marked unknown.
   */
  const guard = async <Value>(
    guarded: GuardedAction,
    run: (receipt: ReceiptView) => Promise<Guarded<Value>>,
  ): Promise<Value> => {
    const { grant } = await obtain(guarded)
    const receipt = await redeem(grant, guarded)
    const ids = { grantId: grant.grantId, executionId: randomUUID() }
    await deliver(() => report({ ...ids, outcome: 'started' }))
    let result: Guarded<Value>
    try {
      result = await run(receipt)
    } catch (error) {
      await deliver(() => report({ ...ids, outcome: 'failed', code: 'threw' }))
      throw error
    }
    const { succeeded = true, code, ...facts } = result.outcome ?? {}
    await deliver(() =>
      report({
        ...ids,
        outcome: succeeded ? 'succeeded' : 'failed',
        ...facts,
        ...(succeeded ? {} : { code: code ?? 'failed' }),
      }),
    )
    return result.value
  }

  return { publish, read, awaitDecision, withdraw, collect, redeem, revoke, report, obtain, guard }
}

const deliver = async (send: () => Promise<void>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (error instanceof CountersignRefused && error.status < 500) throw error
      if (attempt === 3) return
      await new Promise((resolve) => setTimeout(resolve, 200 * attempt))
    }
  }
}
