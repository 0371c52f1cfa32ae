import type pg from 'pg'

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

/** Records that something is published from the open incarnation: from then on a mark has to be there. The relay's role may. */
export async function notePublished(db: pg.Pool): Promise<void> {
  await db.query('select countersign.note_published()')
}

/** Makes the event partitions of this month and the next three; returns the names of those made. Daily is enough. */
export async function ensurePartitions(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query<{ made: string[] }>('select countersign.ensure_partitions() as made')
  return rows[0]?.made ?? []
}
