import type { Pool } from 'pg'
import { busLimits, type DeliveredRecord, type OutboundRecord, type Position } from '../bus.ts'
import { laneOfColumn } from './lane.ts'

/** A place in a topic: after the record with these coordinates. Both are decimal strings (64 bits each). */
export interface Cursor {
  readonly xid: string
  readonly position: string
}

export const positionOf = ({ xid, position }: Cursor): Position => `${xid}:${position}`

/** Throws TypeError when the position is not one that this driver gave. */
export const cursorAt = (position: Position): Cursor => {
  const [, xid, within] = /^(\d{1,20}):(\d{1,19})$/.exec(position) ?? []
  if (xid === undefined || within === undefined) throw new TypeError('not a position of this bus')
  return { xid, position: within }
}

export interface Page {
  readonly records: readonly DeliveredRecord[]
  /** Positions of those records that wait behind a parked one of their key. */
  readonly held: ReadonlySet<Position>
  /** The place after the last record; undefined when there is none. */
  readonly end: Cursor | undefined
  /** Committed records are there that an older, still open transaction keeps back. */
  readonly isGated: boolean
  /** Parked records of the group wait for their redrive. */
  readonly hasRedrive: boolean
}

export interface StoredRow {
  readonly xid: string
  readonly position: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Record<string, string>
  readonly created_at: Date
}

export const deliveredFrom = (topic: string, row: StoredRow): DeliveredRecord => ({
  topic,
  key: row.key,
  value: row.value,
  headers: row.headers,
  position: positionOf(row),
  timestamp: row.created_at.toISOString(),
})

/** One transaction for all, in the order given: the sort comes before the identity column takes its numbers. */
export const insertRecords = async (pool: Pool, records: readonly OutboundRecord[]): Promise<void> => {
  await pool.query({
    name: 'bus_publish',
    text: `
      INSERT INTO bus.log (topic, key, value, headers)
      SELECT topic, key, value, headers::json
      FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY AS r (topic, key, value, headers, nth)
      ORDER BY nth`,
    values: [
      records.map(({ topic }) => topic),
      records.map(({ key }) => key),
      records.map(({ value }) => value),
      records.map(({ headers }) => JSON.stringify(headers)),
    ],
  })
}

/**
 * The gated cursor. A transaction that took its xid and positions early may commit late: only rows whose xid is below
 * every open transaction's are read, in the order of (xid, position), so nothing can ever appear behind the cursor.
 */
const readPageSql = `
  WITH page AS (
    SELECT l.*,
      sum(coalesce(octet_length(value), 0) + coalesce(octet_length(key), 0) + octet_length(headers::text))
        OVER (ORDER BY xid, position) AS bytes,
      row_number() OVER (ORDER BY xid, position) AS nth
    FROM (
      SELECT xid, position, key, value, headers, created_at FROM bus.log
      WHERE topic = $2 AND (xid, position) > ($3::xid8, $4::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY xid, position LIMIT $5
    ) l
  )
  SELECT page.xid, page.position, page.key, page.value, page.headers, page.created_at, state.*,
    page.key IS NOT NULL AND EXISTS (
      SELECT FROM bus.parked_lane WHERE group_name = $1 AND topic = $2 AND lane = ${laneOfColumn('page.key')}) AS is_held
  FROM (
    SELECT
      EXISTS (SELECT FROM bus.log WHERE topic = $2 AND xid >= pg_snapshot_xmin(pg_current_snapshot())) AS is_gated,
      EXISTS (SELECT FROM bus.parked_lane
        WHERE group_name = $1 AND topic = $2 AND redrive_at IS NOT NULL) AS has_redrive
  ) state
  LEFT JOIN page ON page.nth = 1 OR page.bytes <= $6
  ORDER BY page.xid, page.position`

interface PageRow extends Omit<StoredRow, 'xid'> {
  readonly xid: string | null
  readonly is_gated: boolean
  readonly has_redrive: boolean
  readonly is_held: boolean
}

export interface ReadPage {
  readonly group: string
  readonly topic: string
  readonly after: Cursor
  readonly maxRecords: number
}

export const readPage = async (pool: Pool, { group, topic, after, maxRecords }: ReadPage): Promise<Page> => {
  const { rows } = await pool.query<PageRow>({
    name: 'bus_read_page',
    text: readPageSql,
    values: [group, topic, after.xid, after.position, maxRecords, busLimits.batchBytes],
  })
  const records: DeliveredRecord[] = []
  const held = new Set<Position>()
  let end: Cursor | undefined
  for (const { xid, ...row } of rows) {
    if (xid === null) continue
    end = { xid, position: row.position }
    records.push(deliveredFrom(topic, { ...row, xid }))
    if (row.is_held) held.add(positionOf(end))
  }
  return { records, held, end, isGated: rows[0]?.is_gated ?? false, hasRedrive: rows[0]?.has_redrive ?? false }
}

/** Deletes what is older and what every group with progress on the topic has passed; resolves with the number. */
export const pruneLog = async (pool: Pool, olderThan: Date): Promise<number> => {
  const { rowCount } = await pool.query(
    `DELETE FROM bus.log AS l
     WHERE l.created_at < $1 AND NOT EXISTS (
       SELECT FROM bus.progress AS p WHERE p.topic = l.topic AND (p.xid, p.position) < (l.xid, l.position))`,
    [olderThan],
  )
  return rowCount ?? 0
}
