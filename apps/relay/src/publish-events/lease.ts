import { type Cursor, prepared } from '@countersign/event-store'
import type pg from 'pg'

/** How long a relay that died keeps others from taking over, by the database's clock. */
export const leaseMs = 5_000

type Row = { incarnation: number; xid: string; position: string }

const cursorOf = (row: Row): Cursor => ({ incarnation: row.incarnation, xid: row.xid, position: Number(row.position) })

/**
 * Takes the lease, or prolongs it, for `holder`: the cursor when it is theirs now, undefined while another one's has not
 * run out. A session lock would outlive a holder that hangs; this one runs out.
 */
export const takeLease = async (pool: pg.Pool, holder: string): Promise<Cursor | undefined> => {
  const { rows } = await pool.query<Row>(
    `update relay.lease set holder = $1, held_until = clock_timestamp() + $2 * interval '1 millisecond'
     where name = 'events' and (holder = $1 or held_until < clock_timestamp())
     returning incarnation, xid::text, position`,
    [holder, leaseMs],
  )
  return rows[0] === undefined ? undefined : cursorOf(rows[0])
}

/**
 * Records what was published and prolongs the lease. Only forward, and only for the one who holds it: false means that
 * another relay took over and what it publishes again are duplicates. Not waited for on disk: what a crash of PostgreSQL
 * takes back is published again, or its lease runs out sooner.
 */
export const advanceLease = async (pool: pg.Pool, holder: string, to: Cursor): Promise<boolean> => {
  const { rowCount } = await pool.query(
    prepared(
      `update relay.lease set incarnation = $2, xid = $3::text::xid8, position = $4,
       held_until = clock_timestamp() + $5 * interval '1 millisecond'
     from (select set_config('synchronous_commit', 'off', true)) as relaxed
     where name = 'events' and holder = $1
       and (incarnation, xid, position) < ($2, $3::text::xid8, $4::bigint)`,
      [holder, to.incarnation, to.xid, to.position, leaseMs],
    ),
  )
  return rowCount === 1
}

/** Gives the lease back, so that the next relay need not wait. */
export const releaseLease = async (pool: pg.Pool, holder: string): Promise<void> => {
  await pool.query(
    `update relay.lease set held_until = '-infinity', holder = null where name = 'events' and holder = $1`,
    [holder],
  )
}
