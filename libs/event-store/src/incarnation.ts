import type pg from 'pg'

/** The open incarnation, and whether this is still the server on which it was opened. */
export type StoreIdentity = {
  readonly incarnation: number
  readonly isSameSystem: boolean
  /** False after a restore to a point in time or a fail-over; null on a standby. */
  readonly isSameTimeline: boolean | null
}

/** Reads the store's identity; compared with the relay's mark at each start and reconnect. */
export async function storeIdentity(db: pg.Pool): Promise<StoreIdentity> {
  const { rows } = await db.query<StoreIdentity>(
    `select incarnation, is_same_system as "isSameSystem", is_same_timeline as "isSameTimeline"
     from countersign.store_identity()`,
  )
  const identity = rows[0]
  if (identity === undefined) throw new Error('the store has no open incarnation')
  return identity
}

/**
 * Opens the next incarnation, after all appends in flight; returns its number. Only when an operator adopts a restored
 * or failed-over store, followed by the event that says so. Intake's role may.
 */
export async function openIncarnation(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ incarnation: number }>('select countersign.open_incarnation() as incarnation')
  const opened = rows[0]
  if (opened === undefined) throw new Error('no incarnation was opened')
  return opened.incarnation
}

/** Makes the event partitions of this month and the next three; returns the names of those made. Daily is enough. */
export async function ensurePartitions(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query<{ made: string[] }>('select countersign.ensure_partitions() as made')
  return rows[0]?.made ?? []
}
