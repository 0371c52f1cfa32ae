import type { Cursor } from '@countersign/event-store'
import type { ClientBase, QueryArrayResult } from 'pg'

// Beside what `storePool` says of plans: events are read in the order of their index, and a plan that was made while the
// table was empty may not read all that is left and sort it.
const inIndexOrder = 'set local enable_sort = off'

/**
 * Begins the one transaction that appends until it ends, and answers where the ledger stands: behind the last event
 * that is in a log. Whoever waits here has no xid, so it holds back nobody's gate.
 */
export const beginAppend = async (client: ClientBase): Promise<Cursor> => {
  // One round trip, but statements of their own: one that waits for the lock would not see what it waited for.
  const results = (await client.query({
    text: `begin;
      ${inIndexOrder};
      select pg_advisory_xact_lock(hashtextextended('countersign.ledger.append', 0));
      select incarnation, xid::text, position::text from ledger.progress where name = 'events'`,
    rowMode: 'array',
  })) as unknown as QueryArrayResult<[number, string, string]>[]
  const [row] = results.at(-1)?.rows ?? []
  if (row === undefined) throw new Error('the ledger has lost its place in the event table')
  return { incarnation: row[0], xid: row[1], position: Number(row[2]) }
}

/** Begins a transaction that reads as the one that appends does, beside it. */
export const beginReading = async (client: ClientBase): Promise<void> => {
  await client.query(`begin read only; ${inIndexOrder}`)
}
