import { setImmediate } from 'node:timers/promises'
import type { Cursor } from '@countersign/event-store'
import { leafOfUnparsed, type UnparsedEvent } from '@countersign/ledger-check'
import { type Appended, appendLeaves } from '@countersign/merkle-log'
import { encodeEntries, type EntryRow } from './encode-entries.ts'
import { LedgerDiverged } from './ledger-diverged.ts'
import type { LogHead } from './log-heads.ts'
import type { GrownLog } from './move-heads.ts'
import type { ReadEvent, StreamTail } from './read-events.ts'

/** A batch before it is written: everything that takes time to compute. It holds for one place of the cursor only. */
export interface PlannedBatch {
  readonly from: Cursor
  readonly to: Cursor
  /** Events read. */
  readonly events: number
  /** Entries to write: less than `events` only when the cursor had been set back. */
  readonly entries: number
  readonly logs: readonly GrownLog[]
  /** The entries as COPY takes them. */
  readonly copied: Buffer
  /** Heads of the tenants' logs once it is written, by tenant. */
  readonly headsAfter: ReadonlyMap<string, LogHead>
  /** Last entries of its streams once it is written, by stream and log. */
  readonly tailsAfter: ReadonlyMap<string, StreamTail>
}

export interface BatchToPlan {
  readonly from: Cursor
  readonly to: Cursor
  readonly events: readonly ReadEvent[]
  /** Heads of the tenants' logs, one for each tenant of the events. */
  readonly heads: ReadonlyMap<string, LogHead>
  /** Ends of streams that were not there to be read yet. */
  readonly unseenTails: ReadonlyMap<string, StreamTail>
}

/** Events that are computed before whatever else waits in this process has its turn: a millisecond or less. */
const eventsAtOnce = 32

/**
 * Gives the events of a batch their places in the logs. It lets others have their turn meanwhile: the batch before this one is
 * being written, and its commit must not wait for the last leaf of the next.
 * @throws LedgerDiverged when one does not follow the last of its stream
 */
export const planBatch = async ({ from, to, events, heads, unseenTails }: BatchToPlan): Promise<PlannedBatch> => {
  const tails = new Map<string, StreamTail>()
  const sizes = new Map<string, number>()
  const rows: EntryRow[] = []
  for (const [at, { event, isLogged, tail: readTail }] of events.entries()) {
    if (at % eventsAtOnce === eventsAtOnce - 1) await setImmediate()
    if (isLogged) continue
    const { logId, size } = headOf(heads, event)
    const key = streamKey(logId, event)
    const tail = tails.get(key) ?? unseenTails.get(key) ?? readTail
    const { kind, streamId, version, eventId } = event
    if (version !== (tail?.version ?? 0) + 1) throw new LedgerDiverged('stream_gap', { logId, kind, streamId, version })
    const leaf = leafOfUnparsed(event, logId, tail?.hash ?? null)
    tails.set(key, { version, hash: leaf.hash })
    const index = sizes.get(logId) ?? size
    sizes.set(logId, index + 1)
    rows.push({ logId, index, eventId, kind, streamId, version, leafHash: leaf.hash, leaf: leaf.bytes })
  }
  const logs = grownLogs(events, heads, rows)
  return {
    from,
    to,
    events: events.length,
    entries: rows.length,
    logs,
    copied: encodeEntries(rows),
    headsAfter: new Map(
      logs.map(({ head, grown: { size, frontier } }) => [head.tenantId, { ...head, size, frontier }]),
    ),
    tailsAfter: tails,
  }
}

/** The logs of all tenants of the batch, those included whose events are all in them already. */
const grownLogs = (
  events: readonly ReadEvent[],
  heads: ReadonlyMap<string, LogHead>,
  rows: readonly EntryRow[],
): GrownLog[] => {
  const byLog = Map.groupBy(rows, ({ logId }) => logId)
  const touched = new Set(events.map(({ event }) => headOf(heads, event)))
  return [...touched].map((head) => ({ head, grown: grow(head, byLog.get(head.logId) ?? []) }))
}

const grow = ({ size, frontier }: LogHead, rows: readonly EntryRow[]): Appended =>
  appendLeaves(
    frontier,
    size,
    rows.map((row) => row.leafHash),
  )

const headOf = (heads: ReadonlyMap<string, LogHead>, { tenantId }: UnparsedEvent): LogHead => {
  const head = heads.get(tenantId)
  if (head === undefined) throw new Error('a tenant has no log')
  return head
}

/** Names a stream of a log in maps. */
const streamKey = (logId: string, { kind, streamId }: UnparsedEvent): string => `${logId}/${kind}/${streamId}`
