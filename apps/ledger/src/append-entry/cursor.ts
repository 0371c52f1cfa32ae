import type { Cursor } from '@countersign/event-store'
import type { ClientBase } from 'pg'

/**
 * Makes this transaction the only one that appends until it ends, then answers where the ledger stands: behind the
 * last event that is in a log. Whoever waits here has no xid, so it holds back nobody's gate.
 */
export const lockCursor = async (client: ClientBase): Promise<Cursor> => {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('countersign.ledger.append', 0))`)
  // A statement of its own: one that waits for the lock would not see what it waited for.
  const { rows } = await client.query<{ incarnation: number; xid: string; position: string }>(
    `select incarnation, xid::text as xid, position::text as position from ledger.progress where name = 'events'`,
  )
  const [row] = rows
  if (row === undefined) throw new Error('the ledger has lost its place in the event table')
  return { incarnation: row.incarnation, xid: row.xid, position: Number(row.position) }
}
