import { checkOut } from '@countersign/event-store'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { Cursor } from '@countersign/event-store'
import { type Appended, appendLeaves } from '@countersign/merkle-log'
import type { ClientBase, Pool } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { beginAppend } from './cursor.ts'
import { type Assigned, findEarlier, type StreamTail, streamKey } from './earlier-entries.ts'
import { copyEntries, encodeEntries, type EntryRow } from './encode-entries.ts'
import { leafOf, type LoggedEvent } from '@countersign/ledger-check'
import { LedgerDiverged } from './ledger-diverged.ts'
import { type LogHead, readHeads } from './log-heads.ts'
import { moveHeads } from './move-heads.ts'
import { type ReadEvents, readEvents } from './read-events.ts'

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

/**
 * Takes the next events into their tenants' logs in one transaction: entries, tiles, heads and cursor move together or
 * not at all, so whatever fails, the next call starts from what is committed. Concurrent calls wait for each other.
 * @throws LedgerDiverged when an event does not follow the last one of its stream
 */
export const appendBatch = async (pool: Pool, options: AppendOptions): Promise<AppendedBatch> => {
  const client = await checkOut(pool)
  try {
    const from = await beginAppend(client)
    const read = await readEvents(client, { after: from, limit: Math.min(options.limit ?? MAX_BATCH, MAX_BATCH) })
    const appended = await record(client, { ...read, from, originHost: options.originHost })
    await client.query('commit')
    client.release()
    return appended
  } catch (error) {
    // A connection that failed inside a transaction is not trusted again; ending it rolls back.
    client.release(true)
    throw error
  }
}

const record = async (
  client: ClientBase,
  { events, from, to, originHost }: ReadEvents & { readonly from: Cursor; readonly originHost: string },
): Promise<AppendedBatch> => {
  if (to === undefined) return { events: 0, entries: 0, logIds: [] }
  const heads = await readHeads(client, [...new Set(events.map(({ tenantId }) => tenantId))], originHost)
  const batch = events.map((event) => ({ logId: headOf(heads, event).logId, event }))
  const { logged, tails } = await findEarlier(client, batch)
  const fresh = batch.filter(({ event }) => !logged.has(event.eventId))
  const rows = chained(fresh, heads, tails)
  const byLog = Map.groupBy(rows, ({ logId }) => logId)
  const logs = [...heads.values()].map((head) => ({ head, grown: grow(head, byLog.get(head.logId) ?? []) }))
  // The first write, and with it the xid that holds back the gate, comes after everything that takes time to compute.
  await moveHeads(client, logs, { from, to })
  if (rows.length > 0) {
    await pipeline(Readable.from([encodeEntries(rows)]), client.query(copyFrom(copyEntries)))
  }
  return { events: events.length, entries: rows.length, logIds: logs.map(({ head }) => head.logId) }
}

const headOf = (heads: ReadonlyMap<string, LogHead>, { tenantId }: LoggedEvent): LogHead => {
  const head = heads.get(tenantId)
  if (head === undefined) throw new Error('a tenant has no log')
  return head
}

/** Entries of the batch with their places in the logs, each linked to the one before it in its stream. */
const chained = (
  batch: readonly Assigned[],
  heads: ReadonlyMap<string, LogHead>,
  tails: Map<string, StreamTail>,
): EntryRow[] => {
  const sizes = new Map([...heads.values()].map(({ logId, size }) => [logId, size]))
  return batch.map(({ logId, event }) => {
    const key = streamKey(logId, event)
    const tail = tails.get(key)
    const { kind, streamId, version, eventId } = event
    if (version !== (tail?.version ?? 0) + 1) throw new LedgerDiverged('stream_gap', { logId, kind, streamId, version })
    const leaf = leafOf(event, logId, tail?.hash ?? null)
    tails.set(key, { version, hash: leaf.hash })
    const index = sizes.get(logId) ?? 0
    sizes.set(logId, index + 1)
    return { logId, index, eventId, kind, streamId, version, leafHash: leaf.hash, leaf: leaf.bytes }
  })
}

const grow = ({ size, frontier }: LogHead, rows: readonly EntryRow[]): Appended =>
  appendLeaves(
    frontier,
    size,
    rows.map((row) => row.leafHash),
  )
