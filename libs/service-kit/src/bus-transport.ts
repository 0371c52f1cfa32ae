import type {
  BatchOutcome,
  Bus,
  DeliveredBatch,
  DeliveredRecord,
  RecordOutcome,
  SubscribeOptions,
  Subscription,
} from '@countersign/bus'
import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import { answerOf } from './handler-answer.ts'

export interface BusTransportOptions extends Pick<SubscribeOptions, 'from' | 'maxBatch' | 'sealQuarantined'> {
  /** Closed by its owner, after the transport. */
  readonly bus: Bus
  readonly group: string
  /**
   * Whether the record's MAC is a right one. Asked for every record before any handler sees it, but for those of
   * foreign topics. A thrown error is an outage, not a wrong MAC.
   */
  readonly verify: (record: DeliveredRecord) => boolean
  /** Topics that producers write: their records carry no MAC of ours. Default: none. */
  readonly isForeign?: (topic: string) => boolean
  /** The topics that a handler's pattern stands for; none is allowed. Default: the pattern is the topic. */
  readonly topicsOf?: (pattern: string) => readonly string[]
  /** Told about records with a wrong MAC at every delivery: count and alarm. */
  readonly onMacInvalid?: (topic: string, records: number) => void
}

export type BusTransportStatus = 'consuming' | 'closed'

type NoEvents = Record<never, never>

/**
 * Delivers whole batches from the bus to handlers registered with Nest's patterns: `@EventPattern(topic)` on a method
 * that takes a `DeliveredBatch` and resolves with its `BatchOutcome`. All handlers of the transport are one subscription
 * of one group. A handler that throws is an outage: its batch comes again. A record whose MAC is wrong never reaches a
 * handler; it is quarantined with `mac_invalid`.
 *
 * Consumption starts with `listen` and with nothing else, so after every lifecycle hook of the app; no record's
 * pattern, reply topic or other header is ever acted on.
 */
export class BusTransport extends Server<NoEvents, BusTransportStatus> implements CustomTransportStrategy {
  /** Nest then leaves a handler's failure to this transport, which makes it an outage. */
  override readonly propagatesEventHandlerErrors = true
  readonly #options: BusTransportOptions
  #subscription: Promise<Subscription> | undefined
  readonly #closing = new AbortController()

  constructor(options: BusTransportOptions) {
    super()
    this.#options = options
  }

  /** Throws on a second handler for a pattern: a batch has one answer. */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler?: boolean,
    extras?: Record<string, unknown>,
  ): void {
    const topic = this.normalizePattern(pattern as string)
    if (this.messageHandlers.has(topic)) throw new Error(`two handlers for the pattern ${topic}`)
    super.addHandler(pattern, callback, isEventHandler, extras)
  }

  /** Calls back when the group's starting points are recorded, or with the error. Without handlers it subscribes to nothing. */
  listen(callback: (error?: unknown) => void): void {
    this.#start().then(
      () => callback(),
      (error: unknown) => callback(error),
    )
  }

  /** Resolves when the batches at hand are settled; a subscription that is not there yet is given up. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    const subscription = await this.#subscription?.catch(() => undefined)
    await subscription?.stop()
    this._status$.next('closed')
  }

  on(): never {
    throw new Error('a bus transport has no events; its status is an observable')
  }

  /** The bus. */
  unwrap<T>(): T {
    return this.#options.bus as T
  }

  async #start(): Promise<void> {
    if (this.#closing.signal.aborted || this.#subscription !== undefined)
      throw new Error('a bus transport listens once')
    const handlers = this.#handlersByTopic()
    if (handlers.size > 0) {
      const { bus, group, from, maxBatch, sealQuarantined } = this.#options
      this.#subscription = bus.subscribe({
        group,
        topics: [...handlers.keys()],
        handle: (batch) => this.#deliver(batch, handlers.get(batch.topic)),
        signal: this.#closing.signal,
        ...(from && { from }),
        ...(maxBatch && { maxBatch }),
        ...(sealQuarantined && { sealQuarantined }),
      })
      await this.#subscription
    }
    this._status$.next('consuming')
  }

  #handlersByTopic(): Map<string, MessageHandler> {
    const { topicsOf = (pattern: string) => [pattern] } = this.#options
    const handlers = new Map<string, MessageHandler>()
    for (const [pattern, handler] of this.messageHandlers) {
      for (const topic of topicsOf(pattern)) {
        if (handlers.has(topic)) throw new Error(`two handlers for the topic ${topic}`)
        handlers.set(topic, handler)
      }
    }
    return handlers
  }

  async #deliver(batch: DeliveredBatch, handler: MessageHandler | undefined): Promise<BatchOutcome> {
    if (handler === undefined) throw new Error(`no handler for the topic ${batch.topic}`)
    const { verify, isForeign, onMacInvalid } = this.#options
    const context = new BaseRpcContext([batch.topic])
    if (isForeign?.(batch.topic) === true) return answerOf(handler, batch, context)
    const authentic = batch.records.filter((record) => verify(record) === true)
    const wrong = batch.records.length - authentic.length
    if (wrong === 0) return answerOf(handler, batch, context)
    onMacInvalid?.(batch.topic, wrong)
    const answer = authentic.length === 0 ? 'done' : await answerOf(handler, { ...batch, records: authentic }, context)
    return withQuarantined(batch.records, authentic, answer)
  }
}

/** The answer for the whole batch, from the one for its authentic records; the others are quarantined. */
const withQuarantined = (
  records: readonly DeliveredRecord[],
  authentic: readonly DeliveredRecord[],
  answer: BatchOutcome,
): BatchOutcome => {
  if (answer !== 'done' && (!Array.isArray(answer) || answer.length !== authentic.length)) {
    throw new TypeError('a batch handler answers "done" or one outcome per record')
  }
  const outcomes = new Map(
    authentic.map((record, index) => [record, answer === 'done' ? answer : answer[index]] as const),
  )
  return records.map((record): RecordOutcome => outcomes.get(record) ?? { quarantine: 'mac_invalid' })
}
