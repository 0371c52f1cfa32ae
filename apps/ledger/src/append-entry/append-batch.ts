import { allEnded, type Cursor, checkOut, sentTogether } from '@countersign/event-store'
import pg, { type ClientBase, type Pool, type PoolClient } from 'pg'
import { copyIn } from './copy-in.ts'
import { beginAppend, beginReading } from './cursor.ts'
import { copyEntries } from './encode-entries.ts'
import { LedgerDiverged } from './ledger-diverged.ts'
import { type LogHead, readHeads } from './log-heads.ts'
import { moveHeads } from './move-heads.ts'
import { type PlannedBatch, planBatch } from './plan-batch.ts'
import { type ReadEvents, readEvents, type StreamTail } from './read-events.ts'

/** Events that one transaction takes at most. */
export const MAX_BATCH = 2_000

export interface AppendOptions {
  /** First part of the origin of logs that are opened, such as `countersign.local`. */
  readonly originHost: string
  /** Events to take at most; default and upper limit 2,000. */
  readonly limit?: number
}

export interface AppendedBatch {
  /** Events read; 0 when there was nothing to do. */
  readonly events: number
  /** Entries written: less than `events` only when the cursor had been set back. */
  readonly entries: number
  readonly logIds: readonly string[]
}

/** Takes the next events into their tenants' logs, as a `LedgerAppender` that is used once. */
export const appendBatch = (pool: Pool, options: AppendOptions): Promise<AppendedBatch> =>
  new LedgerAppender(pool, options).append()

/**
 * Takes events into their tenants' logs, a batch in each transaction: entries, tiles, heads and cursor move together or
 * not at all, so whatever fails, the next call starts from what is committed. While a full batch is written the next one is
 * computed and the one behind that is read. These and the heads that it remembers count only while the cursor, read under the
 * lock, stands where this appender's last commit put it; else all is read again.
 *
 * Events are taken for new ones. Where the cursor was set back they are not, and the log refuses them: by the version that
 * their stream is at, or as a second entry of the same event. Only then it is looked up which of them are in the log.
 */
export class LedgerAppender {
  readonly #pool: Pool
  readonly #originHost: string
  readonly #limit: number
  #last: PlannedBatch | undefined
  #ahead: Promise<Ahead | undefined> | undefined
  #mayBeLogged = false

  constructor(pool: Pool, { originHost, limit = MAX_BATCH }: AppendOptions) {
    this.#pool = pool
    this.#originHost = originHost
    this.#limit = Math.min(limit, MAX_BATCH)
  }

  /**
   * Appends the next batch. Calls of other appenders wait for it and it for them; its own are made one after another.
   * @throws LedgerDiverged when an event does not follow the last one of its stream
   */
  async append(): Promise<AppendedBatch> {
    try {
      return await this.#append()
    } catch (error) {
      if (this.#mayBeLogged || !isRefusedByLog(error)) throw error
      this.#mayBeLogged = true
      return this.#append()
    }
  }

  async #append(): Promise<AppendedBatch> {
    const [ahead, last] = [await this.#ahead, this.#last]
    this.#ahead = undefined
    this.#last = undefined
    const client = await checkOut(this.#pool)
    try {
      const batch = (ahead && (await this.#writeAhead(client, ahead))) ?? (await this.#writeNext(client, last))
      await client.query('commit')
      client.release()
      this.#last = batch ?? last
      this.#mayBeLogged &&= batch !== undefined && batch.entries < batch.events
      return {
        events: batch?.events ?? 0,
        entries: batch?.entries ?? 0,
        logIds: batch?.logs.map(({ head }) => head.logId) ?? [],
      }
    } catch (error) {
      // What was computed ahead counted on this batch. A connection that failed inside a transaction is not trusted
      // again; ending it rolls back.
      this.#ahead = undefined
      client.release(true)
      throw error
    }
  }

  /**
   * Writes what was computed ahead; undefined when it does not count any more. Nothing of it is sent before the beginning is
   * answered: behind a beginning that was cancelled before it began, each statement would be a transaction of its own.
   */
  async #writeAhead(client: PoolClient, { batch, next, unseenTails }: Ahead): Promise<PlannedBatch | undefined> {
    if (!isSame(batch.from, await beginAppend(client))) {
      await client.query('rollback')
      return undefined
    }
    // Computed in small parts, between which the answers to this batch are heard.
    this.#ahead = this.#planNext(batch, next, unseenTails).catch(() => undefined)
    await write(client, batch)
    return batch
  }

  /** Reads, computes and writes the next batch; undefined when there is nothing to do. */
  async #writeNext(client: PoolClient, last: PlannedBatch | undefined): Promise<PlannedBatch | undefined> {
    const batch = await this.#plan(client, await beginAppend(client), last)
    if (batch === undefined) return undefined
    this.#ahead = this.#planNext(batch, this.#readNext(batch), new Map()).catch(() => undefined)
    await write(client, batch)
    return batch
  }

  #read(client: ClientBase, after: Cursor): ReturnType<typeof readEvents> {
    return readEvents(client, { after, limit: this.#limit, mayBeLogged: this.#mayBeLogged })
  }

  async #plan(client: ClientBase, from: Cursor, last: PlannedBatch | undefined): Promise<PlannedBatch | undefined> {
    const { events, to } = await this.#read(client, from)
    if (to === undefined) return undefined
    const known = last !== undefined && isSame(last.to, from) ? last.headsAfter : new Map<string, LogHead>()
    const missing = [...new Set(events.map(({ event }) => event.tenantId))].filter((tenantId) => !known.has(tenantId))
    const heads =
      missing.length === 0 ? known : new Map([...known, ...(await readHeads(client, missing, this.#originHost))])
    return planBatch({ from, to, events, heads, unseenTails: new Map() })
  }

  /** The batch after one that is being written, from what was read of it; undefined when that has to wait for it. */
  async #planNext(
    { to: from, headsAfter: heads, tailsAfter }: PlannedBatch,
    reading: Promise<ReadEvents | undefined>,
    tailsBefore: ReadonlyMap<string, StreamTail>,
  ): Promise<Ahead | undefined> {
    const { events, to } = (await reading) ?? { events: [], to: undefined }
    if (to === undefined || events.some(({ event }) => !heads.has(event.tenantId))) return undefined
    const next = this.#readNext({ to, events: events.length })
    // It was read while this batch and the one before it were on their way.
    const unseenTails = new Map([...tailsBefore, ...tailsAfter])
    const batch = await planBatch({ from, to, events, heads, unseenTails })
    return { batch, next, unseenTails: tailsAfter }
  }

  /**
   * Reads what follows a full batch, on a connection of its own; undefined when that has to wait. It does not fail: nobody
   * listens to it while the batch before it is computed, and an unheard failure would end the process.
   */
  async #readNext({ to, events }: Pick<PlannedBatch, 'to' | 'events'>): Promise<ReadEvents | undefined> {
    if (events < this.#limit) return undefined
    const client = await checkOut(this.#pool).catch(() => undefined)
    if (client === undefined) return undefined
    try {
      const [, read] = await sentTogether(client, () =>
        Promise.all([beginReading(client), this.#read(client, to), client.query('commit')]),
      )
      client.release()
      return read
    } catch {
      client.release(true)
      return undefined
    }
  }
}

/** A batch that is computed while the one before it is written, and what is read behind it meanwhile. */
type Ahead = {
  readonly batch: PlannedBatch
  readonly next: Promise<ReadEvents | undefined>
  /** Ends of the streams of the batch before it, which what is read behind it may not have seen. */
  readonly unseenTails: ReadonlyMap<string, StreamTail>
}

const uniqueViolation = '23505'

/** Whether the log does not take an event, as it does when it has it already. */
const isRefusedByLog = (error: unknown): boolean =>
  error instanceof LedgerDiverged
    ? error.code === 'stream_gap'
    : error instanceof pg.DatabaseError && error.code === uniqueViolation

const isSame = (a: Cursor, b: Cursor): boolean =>
  a.incarnation === b.incarnation && a.xid === b.xid && a.position === b.position

/** The first write, and with it the xid that holds back the gate, comes after everything that takes time to compute. */
const write = async (client: ClientBase, { logs, from, to, entries, copied }: PlannedBatch): Promise<void> => {
  await allEnded([moveHeads(client, logs, { from, to }), ...(entries > 0 ? [copyIn(client, copyEntries, copied)] : [])])
}
