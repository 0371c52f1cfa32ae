import { prepared } from './prepared.ts'
import type pg from 'pg'
import { type EventRow, eventColumns, storedEvent } from './load-streams.ts'
import { isBefore } from './cursor-order.ts'
import type { Cursor, StoredEvent } from './stream.ts'
import { begunWith, checkOut } from './transaction.ts'

// The index of the cursor is the only good way in. A planner with statistics from an emptier table would read and sort the
// whole backlog for each batch instead.
const byIndex = `set local enable_seqscan = off; set local enable_sort = off; set local enable_bitmapscan = off; set local jit = off`

/**
 * Reads the next events in the order of (incarnation, xid, position), only those of transactions below the oldest one
 * still running: nothing can appear later behind what was read. Positions alone are handed out before commits, and a
 * reader that goes by them loses events. Events of an earlier incarnation are complete; their xids may be another
 * server's. Over a pool it reads in a transaction of its own; a transaction that is handed in keeps its planner settings
 * changed until it ends.
 */
export async function readGated(
  db: Pick<pg.ClientBase, 'query'> | pg.Pool,
  options: {
    readonly after: Cursor
    readonly limit: number
    /** Over a pool: called with the connection before anything is read on it. */
    readonly before?: (connection: Pick<pg.ClientBase, 'query'>) => Promise<void>
  },
): Promise<StoredEvent[]> {
  if (!('connect' in db) || !('totalCount' in db)) return readByIndex(db, options)
  const client = await checkOut(db)
  try {
    await options.before?.(client)
    const events = await begunWith(client, `begin read only; ${byIndex}`, () => selectGated(client, options))
    await client.query('commit')
    client.release()
    return events
  } catch (error) {
    client.release(true)
    throw error
  }
}

const readByIndex = async (
  tx: Pick<pg.ClientBase, 'query'>,
  options: { readonly after: Cursor; readonly limit: number },
): Promise<StoredEvent[]> => {
  await tx.query(byIndex)
  return selectGated(tx, options)
}

const selectGated = async (
  db: Pick<pg.ClientBase, 'query'>,
  { after: { incarnation, xid, position }, limit }: { readonly after: Cursor; readonly limit: number },
): Promise<StoredEvent[]> => {
  const { rows } = await db.query<EventRow>(
    prepared(
      `select ${eventColumns} from countersign.event
     where (incarnation, xid, position) > ($1::integer, $2::text::xid8, $3::bigint)
       and (xid < (select pg_snapshot_xmin(pg_current_snapshot()))
         or incarnation < (select max(i.incarnation) from countersign.store_incarnation i))
     order by event.incarnation, event.xid, event.position
     limit $4`,
      [incarnation, xid, position, limit],
    ),
  )
  return rows.map(storedEvent)
}

/** Whether there are events behind a cursor that older transactions may still hold back: somebody who has read all that is complete looks again soon. */
export async function isGateShut(db: pg.Pool, { incarnation, xid, position }: Cursor): Promise<boolean> {
  const { rows } = await db.query<{ waits: boolean }>(
    prepared(
      `select exists (select from countersign.event
       where (incarnation, xid, position) > ($1::integer, $2::text::xid8, $3::bigint)) as waits`,
      [incarnation, xid, position],
    ),
  )
  return rows[0]?.waits === true
}

/** The event at exactly this place, if there is one. */
export async function eventAt(db: pg.Pool, { incarnation, xid, position }: Cursor): Promise<StoredEvent | undefined> {
  const { rows } = await db.query<EventRow>(
    prepared(
      `select ${eventColumns} from countersign.event
     where incarnation = $1 and xid = $2::text::xid8 and position = $3`,
      [incarnation, xid, position],
    ),
  )
  return rows[0] === undefined ? undefined : storedEvent(rows[0])
}

/** A cursor over the gated events that remembers where it is; start it with what was committed with the last effect. */
export function gatedCursor(pool: pg.Pool, options: { readonly from: Cursor; readonly limit: number }) {
  let at = options.from
  return {
    /** Where the next read begins. */
    position: (): Cursor => at,
    /** Reads the next events without moving; an empty answer means none are complete yet. */
    read: (): Promise<StoredEvent[]> => readGated(pool, { after: at, limit: options.limit }),
    /** Moves forward past an event, never back. */
    advance(to: Cursor): void {
      if (!isBefore(at, to)) throw new RangeError('a cursor only moves forward')
      at = { incarnation: to.incarnation, xid: to.xid, position: to.position }
    },
  }
}

/** Milliseconds since the oldest write transaction of the whole cluster began; 0 when there is none. */
export async function gateAge(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ age: number }>('select countersign.gate_age_ms() as age')
  return rows[0]?.age ?? 0
}
