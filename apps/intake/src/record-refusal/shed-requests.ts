import type { Consumer, Log } from '@countersign/service-kit'
import type { Caller } from '../caller.ts'
import type { RecordRefusal, RefusedRequest } from './record-refusal.handler.ts'

type Shed = { readonly caller: Caller; readonly refused: RefusedRequest; count: number }

/** Codes of requests that were turned away for load alone. */
const shedCodes = new Set(['too_many_requests', 'overloaded'])
export const isShed = (code: string): boolean => shedCodes.has(code)

const flushEveryMs = 1_000

/**
 * Counts requests that were shed. Recording each would cost what shedding is to save, so they are added up here and written
 * once a second, one record per client and code with an exact count.
 */
export class ShedRequests implements Consumer {
  readonly name = 'count-shed-requests'
  readonly #record: RecordRefusal
  readonly #log: Log
  #waiting = new Map<string, Shed>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(record: RecordRefusal, log: Log) {
    this.#record = record
    this.#log = log
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.#flushing = this.#flushing.then(() => this.flush())
    }, flushEveryMs)
  }

  /** Writes what is left; what cannot be written is in the log. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.flush()
  }

  /** Adds one request, or as many as `refused` says. */
  count(caller: Caller, refused: RefusedRequest): void {
    const source = caller.kind === 'client' ? [caller.producer, caller.clientId] : [caller.subjectId]
    const key = JSON.stringify([
      caller.tenantId,
      ...source,
      refused.command,
      refused.code,
      refused.record !== undefined,
    ])
    const shed = this.#waiting.get(key) ?? { caller, refused, count: 0 }
    shed.count += refused.count ?? 1
    this.#waiting.set(key, shed)
  }

  /** Records what was counted so far. What fails is kept for the next time. */
  async flush(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const [key, { caller, refused, count }] of waiting) {
      try {
        await this.#record.handle(caller, { ...refused, count })
      } catch (error) {
        const since = this.#waiting.get(key)
        this.#waiting.set(key, { caller, refused, count: count + (since?.count ?? 0) })
        this.#log.warn({ err: error, count }, 'shed requests could not be counted; it is tried again')
      }
    }
  }
}
