import type { Bus, OutboundRecord } from '@countersign/bus'
import {
  eventAt,
  isGateShut,
  notePublished,
  prepared,
  readGated,
  restAfter,
  rowDigest,
  StoreNotAdopted,
  type Cursor,
  type MarkFolder,
  type StoredEvent,
  type StoreGuard,
  type StoreStanding,
} from '@countersign/event-store'
import { type Consumer, eventRecord, type Log, type RecordKey, withBatchSpan } from '@countersign/service-kit'
import type pg from 'pg'
import { advanceLease, leaseMs, releaseLease, takeLease } from './lease.ts'
import { type Asked, isOutcome, outcomeRecord } from './outcome-record.ts'

const batchSize = 500
/** How long a lost wake-up may delay an event, and how often someone who waits for the lease asks. */
const idleMs = 500
const outageMs = 1_000
/** A lease is prolonged by every batch, and by looks that find nothing once it is this old. */
const prolongMs = leaseMs / 3
/**
 * An event that was just appended may be behind the gate until every older transaction has ended, a matter of milliseconds:
 * while one is, the relay looks again this often and this many times before it idles.
 */
const gatedMs = 2
const gatedLooks = 40

export type PublishEventsOptions = {
  readonly pool: pg.Pool
  readonly bus: Bus
  readonly key: RecordKey
  readonly marks: MarkFolder
  readonly guard: StoreGuard
  /** Id of this relay, unique to the process. */
  readonly holder: string
  readonly log: Log
}

/** Events that are marked, and may be sent as soon as those before them have arrived. */
type PreparedBatch = { readonly events: readonly StoredEvent[]; readonly outcomes: readonly OutboundRecord[] }

/**
 * Carries the event table to the bus, in the order of the gate. The table is the outbox: nothing is marked, a cursor moves
 * forward after the bus has taken a batch. A send that failed may have happened, so the same rows are sent again; two relays
 * at once only duplicate. No transaction is open across a send. While a batch is sent the next one is read and marked.
 *
 * Before each send the mark outside of the database is moved to the batch's last event, so whatever anybody saw is behind the
 * mark. A store that does not hold what the mark names is not published from. Divergence is found at the mark alone: another
 * event, none or a changed one at its place; what lies before it is the ledger's to prove.
 */
export class PublishEvents implements Consumer {
  readonly name = 'publish-events'
  readonly #options: PublishEventsOptions
  readonly #asked = new Map<string, Asked>()
  #cursor: Cursor | undefined
  /** Records what was published last; false when another relay has the lease. Runs while the next batch is read. */
  #advancing: Promise<boolean> | undefined
  /** The batch behind the one that is being sent. */
  #next: Promise<PreparedBatch> | undefined
  /** Incarnation from which this relay is known to have published. */
  #noted = 0
  #running: Promise<void> | undefined
  #isStopping = false
  #isWoken = false
  #looks = 0
  #heldSince = 0
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
    await Promise.allSettled([this.#next, this.#advancing])
    await this.#options.marks.close()
    await releaseLease(this.#options.pool, this.#options.holder)
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      let pauseMs = idleMs
      try {
        const began = performance.now()
        const published = await this.#publishBatch()
        this.#failure = undefined
        if (published > 0) {
          // Each batch costs every reader of the bus a look and a transaction, however small it is.
          if (published < batchSize) await restAfter(performance.now() - began)
          continue
        }
        if (this.#looks > 0) {
          this.#looks -= 1
          pauseMs = gatedMs
        }
      } catch (error) {
        const failure = error instanceof StoreNotAdopted ? error.doubt : 'outage'
        if (this.#failure !== failure) this.#options.log.error({ err: error, failure }, 'events are not published')
        this.#failure = failure
        // A mark may be under way, and there is one at a time.
        await Promise.allSettled([this.#next, this.#advancing])
        this.#cursor = undefined
        this.#advancing = undefined
        this.#next = undefined
        this.#isWoken = false
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
    const { events, outcomes } = (await this.#takeNext()) ?? { events: [], outcomes: [] }
    if (!(await this.#isHeld())) this.#cursor = undefined
    if (this.#cursor === undefined) return 0
    const last = events.at(-1)
    if (last === undefined) {
      await this.#rest(this.#cursor)
      return 0
    }
    const to = { incarnation: last.incarnation, xid: last.xid, position: last.position }
    const sending = this.#send(events, outcomes)
    // Never sent before this one has arrived: a batch behind one that failed would invert them.
    if (!this.#isStopping) this.#next = this.#prepare(to)
    this.#next?.catch(() => undefined)
    await sending
    this.#advance(to)
    return events.length
  }

  /** What was prepared during the last send, or is behind the cursor now; undefined without the lease. */
  async #takeNext(): Promise<PreparedBatch | undefined> {
    const next = await this.#next
    this.#next = undefined
    if (next !== undefined && (next.events.length > 0 || !this.#isWoken)) return next
    this.#isWoken = false
    const isTaken = this.#cursor === undefined
    if (isTaken) await this.#hold()
    return this.#cursor === undefined ? undefined : this.#prepare(this.#cursor, isTaken)
  }

  /** Reads what comes next and marks it, so that it can be sent; who has just taken the lease looks at the last mark first. */
  async #prepare(after: Cursor, isTaken = false): Promise<PreparedBatch> {
    this.#isWoken = false
    const { events, standing } = await this.#readNext(after)
    if (isTaken) await this.#compareMarked()
    const last = events.at(-1)
    if (last === undefined) return { events, outcomes: [] }
    const [outcomes] = await Promise.all([this.#outcomesOf(events), this.#mark(last, standing)])
    return { events, outcomes }
  }

  async #send(events: readonly StoredEvent[], outcomes: readonly OutboundRecord[]): Promise<void> {
    const { bus, key } = this.#options
    const traces = events.flatMap(({ metadata }) =>
      metadata.traceparent === undefined ? [] : [{ traceparent: metadata.traceparent }],
    )
    await withBatchSpan('relay.publish-events', { headers: traces }, () =>
      bus.publish([...events.map((event) => eventRecord(key, event)), ...outcomes]),
    )
  }

  /** There is nothing to publish: looks again soon only while something waits behind the gate, and keeps the lease. */
  async #rest(cursor: Cursor): Promise<void> {
    if (this.#looks > 0 && !(await isGateShut(this.#options.pool, cursor))) this.#looks = 0
    if (performance.now() - this.#heldSince > prolongMs) await this.#hold()
  }

  /** Goes on behind what was sent, and records it meanwhile. */
  #advance(to: Cursor): void {
    const { pool, holder } = this.#options
    this.#cursor = to
    this.#heldSince = performance.now()
    this.#advancing = advanceLease(pool, holder, to)
    // Who asks for the answer hears of a failure too; it may fail while nobody asks yet.
    this.#advancing.catch(() => undefined)
  }

  /** Whether the last batch was recorded: nothing more is sent before that is known. Rejects when it failed. */
  async #isHeld(): Promise<boolean> {
    const advanced = await (this.#advancing ?? true)
    this.#advancing = undefined
    return advanced
  }

  /** Takes or prolongs the lease; without it there is no cursor. */
  async #hold(): Promise<void> {
    const heldSince = performance.now()
    this.#cursor = await takeLease(this.#options.pool, this.#options.holder)
    this.#heldSince = heldSince
  }

  /** The next events, over a connection whose server holds the store that the mark knows. */
  async #readNext(after: Cursor): Promise<{ events: StoredEvent[]; standing: StoreStanding }> {
    const { pool, guard } = this.#options
    let standing: StoreStanding | undefined
    const before = async (connection: Parameters<StoreGuard['check']>[0]): Promise<void> => {
      standing = await guard.check(connection)
    }
    const events = await readGated(pool, { after, limit: batchSize, before })
    if (standing === undefined) throw new Error('the store was read unchecked')
    return { events, standing }
  }

  /** The guard compares ids; whoever takes over looks at the whole row. */
  async #compareMarked(): Promise<void> {
    const mark = await this.#options.marks.read()
    if (mark?.event === undefined) return
    const row = await eventAt(this.#options.pool, mark)
    if (row === undefined || rowDigest(row) !== mark.event.digest) throw new StoreNotAdopted('store_diverged')
  }

  /** Moves the mark to what is about to be sent; resolves when it survives a crash of the machine. */
  async #mark(last: StoredEvent, { incarnation, systemIdentifier, timeline }: StoreStanding): Promise<void> {
    const { marks, pool } = this.#options
    await marks.advance({
      incarnation: last.incarnation,
      xid: last.xid,
      position: last.position,
      systemIdentifier,
      timeline,
      event: { eventId: last.eventId, digest: rowDigest(last) },
    })
    if (this.#noted === incarnation) return
    await notePublished(pool)
    this.#noted = incarnation
  }

  /** Outcomes go to the producer of the intent, which is looked up once per intent and kept, with the id of its request. */
  async #outcomesOf(events: readonly StoredEvent[]) {
    for (const event of events) {
      if (event.type === 'ActionIntentPublished') this.#remember(event.streamId, event.data)
    }
    const unknown = [
      ...new Set(
        events.filter((event) => isOutcome(event) && !this.#asked.has(event.streamId)).map((event) => event.streamId),
      ),
    ]
    if (unknown.length > 0) {
      const { rows } = await this.#options.pool.query<{
        stream_id: string
        producer: string
        request_id: string | null
      }>(
        prepared(
          `select stream_id, data ->> 'producer' as producer, data ->> 'requestId' as request_id from countersign.event
         where kind = 'intent' and version = 1 and stream_id = any ($1::uuid[])`,
          [unknown],
        ),
      )
      for (const { stream_id: intentId, producer, request_id: requestId } of rows)
        this.#remember(intentId, { producer, requestId: requestId ?? undefined })
    }
    return events.flatMap((event) => outcomeRecord(event, this.#asked.get(event.streamId)) ?? [])
  }

  #remember(intentId: string, { producer, requestId }: Asked): void {
    if (this.#asked.size >= 50_000) this.#asked.clear()
    this.#asked.set(intentId, { producer, requestId })
  }
}
