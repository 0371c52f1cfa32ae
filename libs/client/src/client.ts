import { randomUUID } from 'node:crypto'
import type { GrantView, IntentView, PublishIntentBody, ReceiptView, ReportExecutionBody } from '@countersign/contracts'
import type { TokenSource } from './access-token.ts'
import { type ClientCertificate, overMutualTls } from './client-certificate.ts'
import { DecisionPending, isTransient } from './errors.ts'
import type { ExecutorKey } from './executor-key.ts'
import { guarding } from './guard.ts'
import { http } from './http.ts'
import { pause, persist } from './persist.ts'
import { digestOf, receiptVerifier, type ConcreteAction } from './verify-grant.ts'

export type ClientOptions = {
  /** Base URL of the deployment, for example `http://127.0.0.1:7400`. */
  readonly baseUrl: string
  readonly token: TokenSource
  /** Binds grants to this key: only who holds it can collect again and redeem. Compulsory where the agent has one. */
  readonly executorKey?: ExecutorKey | undefined
  /** Binds grants to this certificate: they are collected and redeemed over mutual TLS with it, and in no other way. */
  readonly certificate?: ClientCertificate | undefined
}

export type AwaitOptions = {
  /** How long to wait, ms. Default: until the intent is decided or its deadline has passed. */
  readonly waitMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of each new state, the last one too. */
  readonly onState?: ((intent: IntentView) => void) | undefined
}

export type RedeemOptions = {
  /** The same redemption repeated gets the same receipt. Default: a new one. */
  readonly redemptionId?: string
  /** The preconditions as they were observed right before. Default: those of the action, taken to be what was observed. */
  readonly observed?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

/** Whether waiting longer can change anything. */
export const isDecided = (intent: IntentView): boolean => intent.state !== 'published' && intent.state !== 'in_review'

const lookMs = 20_000
const slackMs = 15_000
const pauseMs = 250

/**
 * A client of one deployment. Every method fails closed: an error, a time-out or a refusal means the action does not run.
 * What may be sent again without a second effect is sent again when nobody answers.
 */
export const countersign = ({ baseUrl, token, executorKey: key, certificate }: ClientOptions) => {
  const call = http(baseUrl, token)
  const bound = certificate === undefined ? call : http(baseUrl, token, overMutualTls(baseUrl, certificate))
  const verifyReceipt = receiptVerifier(baseUrl)

  /** The same key with the same content is the same intent, however often it is published. */
  const publish = (
    intent: PublishIntentBody,
    idempotencyKey: string = randomUUID(),
    signal?: AbortSignal,
  ): Promise<IntentView> => {
    const headers = { 'idempotency-key': idempotencyKey }
    return persist(() => call('/v1/intents', { method: 'POST', body: intent, headers, signal }), { signal })
  }

  /**
   * The intent as it stands, or once it is decided, at most `waitMs` later (25 s at most). With `known` the wait ends as soon
   * as the state is another one, decided or not.
   */
  const read = (
    intentId: string,
    waitMs = 0,
    signal?: AbortSignal,
    known?: IntentView['state'],
  ): Promise<IntentView> => {
    const wholeMs = Math.round(waitMs)
    const query = wholeMs > 0 ? `?waitMs=${wholeMs}${known === undefined ? '' : `&known=${known}`}` : ''
    return call(`/v1/intents/${intentId}${query}`, { signal, timeoutMs: wholeMs + slackMs })
  }

  /** Resolves with the decided intent; throws `DecisionPending` when `waitMs` have passed without a decision. */
  const awaitDecision = async (intentId: string, options: AwaitOptions = {}): Promise<IntentView> => {
    const { waitMs = Number.POSITIVE_INFINITY, signal, onState } = options
    const until = performance.now() + waitMs
    let known: IntentView['state'] = 'published'
    for (;;) {
      const left = Math.max(0, until - performance.now())
      const asked = Math.min(left, lookMs)
      const began = performance.now()
      const intent = await persist(() => read(intentId, asked, signal, known), { attempts: 8, signal }).catch(
        (error: unknown) => {
          if (performance.now() >= until && isTransient(error)) throw new DecisionPending(intentId)
          throw error
        },
      )
      const isNews = intent.state !== known
      if (isNews) onState?.(intent)
      known = intent.state
      if (isDecided(intent)) return intent
      if (performance.now() >= until) throw new DecisionPending(intentId)
      // Something on the way may answer before it was asked to; that must not become a flood.
      if (!isNews && performance.now() - began < asked) await pause(Math.min(asked, pauseMs), signal)
    }
  }

  const withdraw = (intentId: string): Promise<{ intentId: string; state: string }> =>
    call(`/v1/intents/${intentId}/withdraw`, { method: 'POST', body: {} })

  /** The one grant of an allowed or approved intent; asking again gives the same grant. */
  const collect = (intentId: string, signal?: AbortSignal): Promise<GrantView> =>
    persist(() => bound(`/v1/intents/${intentId}/grant`, { method: 'POST', body: {}, key, signal }), { signal })

  /** Uses the grant for exactly `concrete`; resolves only with a receipt whose signature and content were verified. */
  const redeem = async (
    grant: GrantView,
    concrete: ConcreteAction,
    { redemptionId = randomUUID(), observed, signal }: RedeemOptions = {},
  ): Promise<ReceiptView> => {
    const { action, target, environment, parameters, preconditions } = concrete
    const { grantId, intentId, token: grantToken } = grant
    const digest = digestOf(grant.binding, concrete)
    const presented = observed ?? preconditions
    const body = {
      token: grantToken,
      redemptionId,
      action,
      target,
      environment,
      parameters,
      ...(presented === undefined ? {} : { preconditions: presented }),
      actionDigest: digest,
    }
    const receipt = await persist(
      () => bound<ReceiptView>(`/v1/grants/${grantId}/redeem`, { method: 'POST', body, key, signal }),
      { signal },
    )
    const expected = { grantId, intentId, redemptionId, actionDigest: digest }
    await persist(() => verifyReceipt(receipt, expected), { signal })
    return receipt
  }

  const revoke = (grantId: string): Promise<{ grantId: string; state: string }> =>
    call(`/v1/grants/${grantId}/revoke`, { method: 'POST', body: {} })

  /** Tells what happened under a redeemed grant; the same report again changes nothing. */
  const report = async (execution: ReportExecutionBody): Promise<void> => {
    await persist(() => call('/v1/executions', { method: 'POST', body: execution }))
  }

  const calls = { publish, read, awaitDecision, withdraw, collect, redeem, revoke, report }
  return { ...calls, ...guarding(calls) }
}

export type Countersign = ReturnType<typeof countersign>
