import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchOutcome, Bus, DeliveredBatch, SubscribeOptions, Subscription } from '@countersign/bus'
import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import type { BusTransportStatus } from './bus-transport.ts'
import { answerOf } from './handler-answer.ts'

/** What stands for the producer's name in a pattern. */
const placeholder = '{producer}'

export interface ProducerTransportOptions extends Pick<SubscribeOptions, 'maxBatch' | 'sealQuarantined'> {
  /** Closed by its owner, after the transport. */
  readonly bus: Bus
  /** Group of one producer's subscription; of no other's. */
  readonly groupOf: (producer: string) => string
  /** Told when a producer's topics cannot be consumed, once per reason. */
  readonly onTrouble?: (trouble: ProducerTrouble, error: unknown) => void
  /** Pause after the nth failed try in a row to subscribe, from 1. Default: 500 ms, doubling, at most 30 s. */
  readonly backoffMs?: (attempt: number) => number
}

/** A producer whose topics are not consumed now, and a snake_case code of why. */
export type ProducerTrouble = { readonly producer: string; readonly code: string }

type NoEvents = Record<never, never>

const defaultBackoffMs = (attempt: number): number => Math.min(30_000, 500 * 2 ** Math.min(attempt - 1, 10))

/**
 * Delivers whole batches from the topics that producers write, each producer by a subscription and group of its own: none
 * can stall, flood or poison another. Handlers are registered with Nest's patterns, the producer's place left open
 * (`@EventPattern(topics.intents('{producer}'))`), and get the batch and a context of topic and producer; the topic is all
 * that says who wrote a record. A handler that throws is an outage of that producer's topics only.
 *
 * Which producers there are is told by `follow`, at any time. One whose topics are missing or forbidden is tried again
 * after growing pauses; the transport never fails for it.
 */
export class ProducerTransport extends Server<NoEvents, BusTransportStatus> implements CustomTransportStrategy {
  /** Nest then leaves a handler's failure to this transport, which makes it an outage. */
  override readonly propagatesEventHandlerErrors = true
  readonly #options: ProducerTransportOptions
  readonly #followed = new Map<string, Following>()
  readonly #leaving = new Set<Promise<void>>()
  #wanted: ReadonlySet<string> = new Set()
  #status: 'idle' | 'listening' | 'closed' = 'idle'

  constructor(options: ProducerTransportOptions) {
    super()
    this.#options = options
  }

  /** Throws on a second handler for a pattern, and on one that names no producer. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler?: boolean,
    extras?: Record<string, unknown>,
  ): void {
    const topic = this.normalizePattern(pattern as string)
    if (!topic.includes(placeholder)) throw new Error(`the pattern ${topic} has no place for a producer`)
    if (this.messageHandlers.has(topic)) throw new Error(`two handlers for the pattern ${topic}`)
    super.addHandler(pattern, callback, isEventHandler, extras)
  }

  /** Calls back at once: producers are subscribed to one by one, and none of them keeps the service from starting. */
  listen(callback: (error?: unknown) => void): void {
    if (this.#status !== 'idle') {
      callback(new Error('a producer transport listens once'))
      return
    }
    this.#status = 'listening'
    this.#settle()
    this._status$.next('consuming')
    callback()
  }

  /** These producers from now on: new ones are subscribed to, others left once their batch at hand is settled. */
  follow(producers: Iterable<string>): void {
    this.#wanted = new Set(producers)
    this.#settle()
  }

  /** Producers whose topics are not consumed, with the reason. */
  get troubles(): readonly ProducerTrouble[] {
    return [...this.#followed].flatMap(([producer, { trouble }]) =>
      trouble === undefined ? [] : [{ producer, code: trouble }],
    )
  }

  /** Resolves when the batches at hand are settled; subscriptions that are not there yet are given up. Idempotent. */
  async close(): Promise<void> {
    this.#status = 'closed'
    this.#settle()
    while (this.#leaving.size > 0) await Promise.all(this.#leaving)
    this._status$.next('closed')
  }

  on(): never {
    throw new Error('a producer transport has no events; its status is an observable')
  }

  /** The bus. */
  unwrap<T>(): T {
    return this.#options.bus as T
  }

  #settle(): void {
    const wanted = this.#status === 'listening' ? this.#wanted : new Set<string>()
    for (const [producer, following] of this.#followed) {
      if (wanted.has(producer)) continue
      this.#followed.delete(producer)
      const left = following.stop().finally(() => this.#leaving.delete(left))
      this.#leaving.add(left)
    }
    if (this.#status !== 'listening' || this.messageHandlers.size === 0) return
    for (const producer of wanted) {
      if (this.#followed.has(producer)) continue
      // Whoever left a moment ago has to be gone first: a group has one member per process.
      const before = Promise.all(this.#leaving)
      const subscribe = (signal: AbortSignal) => before.then(() => this.#subscribe(producer, signal))
      const { onTrouble, backoffMs = defaultBackoffMs } = this.#options
      const onFailure = (code: string, error: unknown): void => onTrouble?.({ producer, code }, error)
      this.#followed.set(producer, new Following({ subscribe, onFailure, backoffMs }))
    }
  }

  #subscribe(producer: string, signal: AbortSignal): Promise<Subscription> {
    const { bus, groupOf, maxBatch, sealQuarantined } = this.#options
    const handlers = new Map(
      [...this.messageHandlers].map(([pattern, handler]) => [pattern.replace(placeholder, producer), handler]),
    )
    return bus.subscribe({
      group: groupOf(producer),
      topics: [...handlers.keys()],
      handle: (batch) => deliver(batch, handlers.get(batch.topic), producer),
      signal,
      ...(maxBatch && { maxBatch }),
      ...(sealQuarantined && { sealQuarantined }),
    })
  }
}

const deliver = (
  batch: DeliveredBatch,
  handler: MessageHandler | undefined,
  producer: string,
): Promise<BatchOutcome> => {
  if (handler === undefined) throw new Error(`no handler for the topic ${batch.topic}`)
  return answerOf(handler, batch, new BaseRpcContext([batch.topic, producer]))
}

type FollowingOptions = {
  readonly subscribe: (signal: AbortSignal) => Promise<Subscription>
  readonly onFailure: (code: string, error: unknown) => void
  readonly backoffMs: (attempt: number) => number
}

const codeForm = /^[a-z][a-z0-9_]{0,63}$/

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && codeForm.test(code) ? code : 'subscribe_failed'
}

/** One producer's subscription, tried until it stands or is no longer wanted. */
class Following {
  readonly #options: FollowingOptions
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #trouble: string | undefined

  constructor(options: FollowingOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  stop(): Promise<void> {
    this.#stopping.abort()
    return this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const subscription = await this.#options.subscribe(signal)
        this.#trouble = undefined
        await aborted(signal)
        await subscription.stop()
      } catch (error) {
        if (signal.aborted) return
        this.#fail(error)
        await sleep(this.#options.backoffMs(attempt), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #fail(error: unknown): void {
    const code = codeOf(error)
    if (code !== this.#trouble) this.#options.onFailure(code, error)
    this.#trouble = code
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
