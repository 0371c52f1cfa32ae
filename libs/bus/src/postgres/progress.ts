import type { ClientBase, Pool } from 'pg'
import type { SeekTarget, TopicLag } from '../bus.ts'
import { cursorAt, type Cursor } from './log.ts'

/** Whose progress it is. */
export interface Place {
  readonly group: string
  readonly topic: string
}

/** A consumer's claim to be the active one of its group on a topic; every write is fenced by it. */
export interface Claim extends Place {
  readonly holder: string
}

/** `latest` is the gate: whatever commits after this statement has an xid at or above it. */
const startingPoints = {
  earliest: `'0'::xid8`,
  latest: 'pg_snapshot_xmin(pg_current_snapshot())',
} as const

/** Records where a group begins; does nothing when it has progress on the topic. */
export const beginAt = async (
  pool: Pool,
  { group, topic }: Place,
  from: keyof typeof startingPoints,
): Promise<void> => {
  await pool.query(
    `INSERT INTO bus.progress (group_name, topic, xid, position) VALUES ($1, $2, ${startingPoints[from]}, 0)
     ON CONFLICT DO NOTHING`,
    [group, topic],
  )
}

/**
 * Takes the lease when it is free, expired by the database's clock or already this holder's, and answers where the
 * group stands; undefined when another consumer has it. Throws when the progress is of another cluster: transaction
 * ids there count differently, the cursor would skip or wait for ever.
 */
export const claim = async (
  pool: Pool,
  { group, topic, holder }: Claim,
  leaseMs: number,
): Promise<Cursor | undefined> => {
  const { rows } = await pool.query<{ xid: string; position: string; is_foreign: boolean }>(
    `UPDATE bus.progress SET holder = $3, lease_until = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE group_name = $1 AND topic = $2 AND (holder IS NULL OR holder = $3 OR lease_until < clock_timestamp())
     RETURNING xid, position, xid > pg_snapshot_xmax(pg_current_snapshot()) AS is_foreign`,
    [group, topic, holder, leaseMs],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  if (row.is_foreign)
    throw new Error('bus progress is ahead of this PostgreSQL: the bus was restored from another cluster')
  return { xid: row.xid, position: row.position }
}

/** Extends the leases that are still held; resolves with their holders. */
export const renew = async (pool: Pool, holders: readonly string[], leaseMs: number): Promise<ReadonlySet<string>> => {
  const { rows } = await pool.query<{ holder: string }>(
    `UPDATE bus.progress SET lease_until = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE holder = ANY ($1::uuid[]) RETURNING holder`,
    [holders, leaseMs],
  )
  return new Set(rows.map(({ holder }) => holder))
}

export const release = async (pool: Pool, holder: string): Promise<void> => {
  await pool.query('UPDATE bus.progress SET holder = NULL, lease_until = NULL WHERE holder = $1', [holder])
}

/**
 * Records progress unless the lease went to another; answers whether it did. Not waited for on disk: what a crash of
 * PostgreSQL takes back is delivered again, as after any crash.
 */
export const advance = async (
  client: Pool | ClientBase,
  { group, topic, holder }: Claim,
  to: Cursor,
): Promise<boolean> => {
  const { rowCount } = await client.query({
    name: 'bus_advance',
    text: `UPDATE bus.progress SET xid = $4::xid8, position = $5::bigint
           FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
           WHERE group_name = $1 AND topic = $2 AND holder = $3`,
    values: [group, topic, holder, to.xid, to.position],
  })
  return rowCount === 1
}

/** Moves progress to before the target; answers the new place, undefined when the lease went to another. */
export const moveTo = async (
  pool: Pool,
  { group, topic, holder }: Claim,
  target: SeekTarget,
): Promise<Cursor | undefined> => {
  const place = typeof target === 'string' ? `${startingPoints[target]}, 0` : '$4::xid8, $5::bigint - 1'
  const coordinates = typeof target === 'string' ? undefined : cursorAt(target.position)
  const { rows } = await pool.query<{ xid: string; position: string }>(
    `UPDATE bus.progress SET (xid, position) = ROW (${place})
     WHERE group_name = $1 AND topic = $2 AND holder = $3 RETURNING xid, position`,
    [group, topic, holder, ...(coordinates ? [coordinates.xid, coordinates.position] : [])],
  )
  return rows[0]
}

export const readLag = async (pool: Pool, group: string): Promise<readonly TopicLag[]> => {
  const { rows } = await pool.query<{ topic: string; records: string; parked: string }>(
    `SELECT topic,
       (SELECT count(*) FROM bus.log AS l
        WHERE l.topic = p.topic AND (l.xid, l.position) > (p.xid, p.position)) AS records,
       (SELECT count(*) FROM bus.parked_record AS r
        WHERE r.group_name = p.group_name AND r.topic = p.topic) AS parked
     FROM bus.progress AS p WHERE group_name = $1 ORDER BY topic COLLATE "C"`,
    [group],
  )
  return rows.map(({ topic, records, parked }) => ({ topic, records: Number(records), parked: Number(parked) }))
}
