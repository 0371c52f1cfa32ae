import { type Cursor, checkOut } from '@countersign/event-store'
import { pipeline } from 'node:stream/promises'
import pg, { type ClientBase, type Pool } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { beginAppend, beginReading } from './cursor.ts'
import { copyEntries } from './encode-entries.ts'
import { LedgerDiverged } from './ledger-diverged.ts'
import { type LogHead, readHeads } from './log-heads.ts'
import { moveHeads } from './move-heads.ts'
import { type PlannedBatch, planBatch } from './plan-batch.ts'
import { readEvents } from './read-events.ts'

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
 * not at all, so whatever fails, the next call starts from what is committed. While a full batch is written the next one
 * is read and computed. That and the heads that it remembers count only while the cursor, read under the lock, stands
 * where this appender's last commit put it; else all is read again.
 *
 * Events are taken for new ones. Where the cursor was set back they are not, and the log refuses them: by the version that
 * their stream is at, or as a second entry of the same event. Only then it is looked up which of them are in the log.
 */
export class LedgerAppender {
  readonly #pool: Pool
  readonly #originHost: string
  readonly #limit: number
  #last: PlannedBatch | undefined
  #ahead: Promise<PlannedBatch | undefined> | undefined
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
      const from = await beginAppend(client)
      const isAhead = ahead !== undefined && isSame(ahead.from, from)
      const batch = isAhead ? ahead : await this.#plan(client, from, last)
      if (batch !== undefined) {
        await write(client, batch, () => {
          if (batch.events === this.#limit) this.#ahead = this.#planNext(batch).catch(() => undefined)
        })
      }
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

  /** The batch after one that is about to be written; undefined when that has to wait for it. */
  async #planNext({
    to: from,
    headsAfter: heads,
    tailsAfter: unseenTails,
  }: PlannedBatch): Promise<PlannedBatch | undefined> {
    const client = await checkOut(this.#pool)
    try {
      await beginReading(client)
      const { events, to } = await this.#read(client, from)
      await client.query('commit')
      client.release()
      if (to === undefined || events.some(({ event }) => !heads.has(event.tenantId))) return undefined
      return planBatch({ from, to, events, heads, unseenTails })
    } catch (error) {
      client.release(true)
      throw error
    }
  }
}

const uniqueViolation = '23505'

/** Whether the log does not take an event, as it does when it has it already. */
const isRefusedByLog = (error: unknown): boolean =>
  error instanceof LedgerDiverged
    ? error.code === 'stream_gap'
    : error instanceof pg.DatabaseError && error.code === uniqueViolation

const isSame = (a: Cursor, b: Cursor): boolean =>
  a.incarnation === b.incarnation && a.xid === b.xid && a.position === b.position

/**
 * The first write, and with it the xid that holds back the gate, comes after everything that takes time to compute. `sent`
 * is called once the server has all that it needs: to compute the next batch before would keep the entries of this one
 * waiting in this process.
 */
const write = async (
  client: ClientBase,
  { logs, from, to, entries, copied }: PlannedBatch,
  sent: () => void,
): Promise<void> => {
  await moveHeads(client, logs, { from, to })
  if (entries === 0) return sent()
  const bytes = async function* (): AsyncGenerator<Buffer> {
    yield copied
    sent()
  }
  await pipeline(bytes, client.query(copyFrom(copyEntries)))
}
