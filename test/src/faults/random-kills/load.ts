import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { GrantView, IntentView, PublishIntentBody, ReceiptView, ReviewView } from '@countersign/contracts'
import { call, type Answer, type CallOptions } from '../../instance/call.ts'
import type { Tokens } from '../../running.ts'
import { concreteOf, exportIntent, readIntent } from '../../stories.ts'
import type { Acknowledged } from './acknowledged.ts'
import { pick } from './random.ts'

export type LoadOptions = {
  readonly baseUrl: string
  readonly tokens: Tokens
  readonly seen: Acknowledged
  readonly random: () => number
  /** No new story begins after it aborts; those under way end. */
  readonly stopping: AbortSignal
}

/** Answers of something that was killed a moment ago; the caller tries again. */
const isOutage = (status: number): boolean => status === 502 || status === 503 || status === 504

const patienceMs = 60_000
const betweenTriesMs = 150

/**
 * One caller: plays one story after another as a careful client would, with the same ids at every try, and remembers what it
 * was promised.
 */
export class Caller {
  readonly #options: LoadOptions

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Until told to stop. */
  async run(): Promise<void> {
    const { stopping, random } = this.#options
    const stories = [() => this.#read(), () => this.#read(), () => this.#export(), () => this.#withdraw()]
    while (!stopping.aborted) await pick(stories, random)()
  }

  /** A read is allowed at once: collected, redeemed by two at the same time, reported. */
  async #read(): Promise<void> {
    const body = readIntent()
    const intent = await this.#publish(body)
    if (intent !== undefined) await this.#use(intent.intentId, body)
  }

  /** An export waits for a human, who says yes or no. */
  async #export(): Promise<void> {
    const { random, tokens, seen } = this.#options
    const body = exportIntent()
    const intent = await this.#publish(body)
    if (intent === undefined) return
    const verdict = pick(['approve', 'approve', 'deny'] as const, random)
    const { intentId } = intent
    const reviewId = await this.#until(async () => {
      const { body: view } = await this.#call<IntentView>(`/v1/intents/${intentId}`, { token: tokens.agent })
      return view.review?.reviewId
    })
    if (reviewId === undefined) return
    const recorded = await this.#until(async () => {
      const review = await this.#call<ReviewView>(`/v1/reviews/${reviewId}`, { token: tokens.ben })
      if (review.status !== 200) return undefined
      if (review.body.state !== 'in_review') return review.body.state
      const { presentationDigest } = review.body
      const answer = await this.#call(`/v1/reviews/${reviewId}/verdicts`, {
        token: tokens.ben,
        body: { verdict, reason: 'checked', presentationDigest },
      })
      return answer.status < 300 ? verdict : undefined
    })
    if (recorded !== undefined) seen.verdicts.set(intentId, recorded)
    if (recorded === 'approve' || recorded === 'approved') await this.#use(intentId, body)
  }

  async #withdraw(): Promise<void> {
    const intent = await this.#publish(exportIntent())
    if (intent === undefined) return
    const { tokens } = this.#options
    await this.#until(async () => {
      const answer = await this.#call(`/v1/intents/${intent.intentId}/withdraw`, { token: tokens.agent, body: {} })
      return answer.status === 0 || isOutage(answer.status) ? undefined : answer.status
    })
  }

  /** The same idempotency key at every try. */
  async #publish(body: PublishIntentBody): Promise<IntentView | undefined> {
    const { seen, tokens } = this.#options
    const headers = { 'idempotency-key': randomUUID() }
    return this.#until(async () => {
      const answer = await this.#call<IntentView>('/v1/intents', { token: tokens.agent, body, headers })
      if (answer.status >= 300 || answer.status === 0) return undefined
      seen.intents.add(answer.body.intentId)
      return answer.body
    })
  }

  async #use(intentId: string, body: PublishIntentBody): Promise<void> {
    const { tokens, seen } = this.#options
    const grant = await this.#until(async () => {
      const answer = await this.#call<GrantView>(`/v1/intents/${intentId}/grant`, { token: tokens.agent, body: {} })
      return answer.status === 200 || answer.status === 201 ? answer.body : undefined
    })
    if (grant === undefined) return
    const redeem = async (redemptionId: string): Promise<ReceiptView | 'refused' | undefined> =>
      this.#until(async () => {
        const request = { token: grant.token, redemptionId, ...concreteOf(body) }
        const answer = await this.#call<ReceiptView>(`/v1/grants/${grant.grantId}/redeem`, {
          token: tokens.agent,
          body: request,
        })
        if (answer.status === 200 || answer.status === 201) {
          seen.redeemed(intentId, redemptionId)
          return answer.body
        }
        return answer.status >= 400 && answer.status < 500 ? 'refused' : undefined
      })
    const receipts = await Promise.all([redeem(randomUUID()), redeem(randomUUID())])
    if (!receipts.some((receipt) => typeof receipt === 'object')) return
    const report = { grantId: grant.grantId, executionId: randomUUID(), outcome: 'succeeded', rows: 1 }
    const accepted = await this.#until(async () => {
      const answer = await this.#call('/v1/executions', { token: tokens.agent, body: report })
      return answer.status > 0 && answer.status < 300 ? true : undefined
    })
    if (accepted === true) seen.reports.add(intentId)
  }

  /** Tries until there is an answer, as long as a careful client would. */
  async #until<Value>(attempt: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const end = performance.now() + patienceMs
    while (performance.now() < end) {
      const value = await attempt()
      if (value !== undefined) return value
      await pause(betweenTriesMs)
    }
    return undefined
  }

  /** One try; status 0 when nobody answered. */
  async #call<Body = Record<string, unknown>>(path: string, options: CallOptions): Promise<Answer<Body>> {
    const { baseUrl, seen } = this.#options
    try {
      const answer = await call<Body>(`${baseUrl}${path}`, options)
      if (isOutage(answer.status)) seen.unanswered += 1
      else if (answer.status >= 500) seen.defects.push(`${path.replaceAll(/[0-9a-f-]{36}/g, ':id')} ${answer.status}`)
      return answer
    } catch {
      seen.unanswered += 1
      return { status: 0, headers: new Headers(), text: '', body: {} as Body, code: undefined }
    }
  }
}
