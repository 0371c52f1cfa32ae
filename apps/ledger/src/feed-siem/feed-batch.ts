import type { Bus } from '@countersign/bus'
import { withBatchSpan } from '@countersign/service-kit'
import type { Pool } from 'pg'
import { auditRecord, readableEvent } from './audit-record.ts'
import { recordFed } from './feed-lease.ts'
import { contextKey, type IntentContexts } from './intent-contexts.ts'
import { readUnfed } from './read-unfed.ts'
import { type FeedObstacle, soundEntries } from './sound-entries.ts'

/** Records of one batch at most: what the bus takes at once. */
export const MAX_BATCH = 500

export interface FeedOptions {
  readonly pool: Pool
  readonly bus: Pick<Bus, 'publish'>
  readonly contexts: IntentContexts
  /** Who feeds, for the lease. */
  readonly holder: string
  /** Records to feed at most; default and upper limit 500. */
  readonly limit?: number
}

export interface FedBatch {
  /** Records that the bus took. */
  readonly records: number
  /** False when another feeder has taken over. */
  readonly isHeld: boolean
  /** Every log that was looked at, with what stands in its way, if anything does. */
  readonly logs: ReadonlyMap<string, FeedObstacle | undefined>
}

/**
 * Feeds the next entries of the logs to the SIEM topic: one read, one publish, one move of the cursors, in this order. What
 * fails on the way, or dies, leaves the cursors where they were, so the same entries are sent again and none is left out.
 * No transaction is open while the bus is asked.
 * @param after the log that the last batch ended with
 */
export const feedBatch = async (
  { pool, bus, contexts, holder, limit = MAX_BATCH }: FeedOptions,
  after: string,
): Promise<FedBatch> => {
  const unfed = await readUnfed(pool, { after, limit: Math.min(limit, MAX_BATCH) })
  const sound = unfed.map(soundEntries)
  const logs = new Map(sound.map(({ logId, obstacle }) => [logId, obstacle]))
  const batch = sound.flatMap(({ entries }) => entries.map((entry) => ({ entry, event: readableEvent(entry) })))
  if (batch.length === 0) return { records: 0, isHeld: true, logs }
  const known = await contexts.of(batch)
  const records = batch.map(({ entry, event }) => auditRecord(entry, event, known.get(contextKey(entry))))
  const headers = records.map((record) => record.headers)
  await withBatchSpan('ledger.feed-siem', { headers }, () => bus.publish(records))
  const fed = sound.flatMap(({ logId, entries }) => {
    const last = entries.at(-1)
    return last === undefined ? [] : [{ logId, fed: last.index + 1 }]
  })
  return { records: records.length, isHeld: await recordFed(pool, holder, fed), logs }
}
