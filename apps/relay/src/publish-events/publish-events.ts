import type { Bus } from '@countersign/bus'
import { newId, readGated, type Cursor, type StoredEvent } from '@countersign/event-store'
import { type Consumer, eventRecord, type Log, type RecordKey, withBatchSpan } from '@countersign/service-kit'
import type pg from 'pg'
import { advanceLease, releaseLease, takeLease } from './lease.ts'
import { isOutcome, outcomeRecord } from './outcome-record.ts'

const batchSize = 500
/** How long a lost wake-up may delay an event, and how often someone who waits for the lease asks. */
const idleMs = 500
const outageMs = 1_000
/**
 * An event that was just appended may be behind the gate until every older transaction has ended, a matter of milliseconds:
 * after a wake-up that found nothing the relay looks again this often and this many times before it idles.
 */
const gatedMs = 2
const gatedLooks = 40

export type PublishEventsOptions = {
  readonly pool: pg.Pool
  readonly bus: Bus
  readonly key: RecordKey
  readonly log: Log
}

/**
 * Carries the event table to the bus, in the order of the gate. The table is the outbox: nothing is marked, a cursor moves
 * forward after the bus has taken a batch. A send that failed may have happened, so the same rows are sent again; two relays
 * at once only duplicate. No transaction is open across a send.
 */
export class PublishEvents implements Consumer {
  readonly name = 'publish-events'
  readonly #options: PublishEventsOptions
  readonly #holder = newId()
  readonly #producers = new Map<string, string>()
  #cursor: Cursor | undefined
  #running: Promise<void> | undefined
  #isStopping = false
  #isWoken = false
  #looks = 0
  #interrupt: () => void = () => undefined
  #failure: string | undefined

  constructor(options: PublishEventsOptions) {
    this.#options = options
  }

  /** Why it does not publish now; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#failure
  }

  /** There may be new events. Cheap. */
  wake(): void {
    this.#isWoken = true
    this.#looks = gatedLooks
    this.#interrupt()
  }

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#interrupt()
    await this.#running
    await releaseLease(this.#options.pool, this.#holder)
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false
      let pauseMs = idleMs
      try {
        const published = await this.#publishBatch()
        this.#failure = undefined
        if (published > 0) continue
        if (this.#looks > 0) {
          this.#looks -= 1
          pauseMs = gatedMs
        }
      } catch (error) {
        if (this.#failure === undefined) this.#options.log.warn({ err: error }, 'events could not be published')
        this.#failure = 'outage'
        this.#cursor = undefined
        pauseMs = outageMs
      }
      if (!this.#isWoken && !this.#isStopping) await this.#pause(pauseMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Publishes the next batch; answers how many events it held. */
  async #publishBatch(): Promise<number> {
    const { pool, bus, key } = this.#options
    this.#cursor ??= await takeLease(pool, this.#holder)
    if (this.#cursor === undefined) return 0
    const events = await readGated(pool, { after: this.#cursor, limit: batchSize })
    const last = events.at(-1)
    if (last === undefined) {
      this.#cursor = await takeLease(pool, this.#holder)
      return 0
    }
    const outcomes = await this.#outcomesOf(events)
    const traces = events.flatMap(({ metadata }) =>
      metadata.traceparent === undefined ? [] : [{ traceparent: metadata.traceparent }],
    )
    await withBatchSpan('relay.publish-events', { headers: traces }, () =>
      bus.publish([...events.map((event) => eventRecord(key, event)), ...outcomes]),
    )
    const to = { incarnation: last.incarnation, xid: last.xid, position: last.position }
    this.#cursor = (await advanceLease(pool, this.#holder, to)) ? to : undefined
    return events.length
  }

  /** Outcomes go to the producer of the intent, which is looked up once per intent and kept. */
  async #outcomesOf(events: readonly StoredEvent[]) {
    for (const event of events) {
      if (event.type === 'ActionIntentPublished') this.#remember(event.streamId, event.data.producer)
    }
    const unknown = [
      ...new Set(
        events
          .filter((event) => isOutcome(event) && !this.#producers.has(event.streamId))
          .map((event) => event.streamId),
      ),
    ]
    if (unknown.length > 0) {
      const { rows } = await this.#options.pool.query<{ stream_id: string; producer: string }>(
        `select stream_id, data ->> 'producer' as producer from countersign.event
         where kind = 'intent' and version = 1 and stream_id = any ($1::uuid[])`,
        [unknown],
      )
      for (const row of rows) this.#remember(row.stream_id, row.producer)
    }
    return events.flatMap((event) => {
      const producer = isOutcome(event) ? this.#producers.get(event.streamId) : undefined
      return producer === undefined ? [] : [outcomeRecord(event, producer)]
    })
  }

  #remember(intentId: string, producer: string): void {
    if (this.#producers.size >= 50_000) this.#producers.clear()
    this.#producers.set(intentId, producer)
  }
}
