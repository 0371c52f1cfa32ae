import type { ClientBase, Pool } from 'pg'
import { busLimits, type DeliveredRecord, type ParkedKey } from '../bus.ts'
import { behindParked, type SetAside } from '../settle.ts'
import { laneOf } from './lane.ts'
import { cursorAt, deliveredFrom, type StoredRow } from './log.ts'
import type { Place } from './progress.ts'

/**
 * Keeps the records, each in its place on its lane, and stops the lanes that still ran. Repeating it changes nothing.
 * Only the active consumer of the group calls it, in the transaction that records its progress.
 */
export const park = async (client: ClientBase, { group, topic }: Place, parked: readonly SetAside[]): Promise<void> => {
  // A lane keeps the reason of its first record; one that is stopped already keeps the reason it has.
  await client.query(
    `INSERT INTO bus.parked_lane (group_name, topic, lane, key, reason)
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING`,
    [
      group,
      topic,
      parked.map(({ record }) => laneOf(record)),
      parked.map(({ record }) => record.key),
      parked.map(({ reason }) => reason),
    ],
  )
  const records = parked.map(({ record }) => record)
  const coordinates = records.map(({ position }) => cursorAt(position))
  await client.query(
    `INSERT INTO bus.parked_record (group_name, topic, lane, major, minor, value, headers, created_at)
     SELECT $1, $2, lane, major, minor, value, headers::json, created_at
     FROM unnest($3::text[], $4::numeric[], $5::bigint[], $6::bytea[], $7::text[], $8::timestamptz[])
       AS r (lane, major, minor, value, headers, created_at)
     ON CONFLICT DO NOTHING`,
    [
      group,
      topic,
      records.map(laneOf),
      coordinates.map(({ xid }) => xid),
      coordinates.map(({ position }) => position),
      records.map(({ value }) => value),
      records.map(({ headers }) => JSON.stringify(headers)),
      records.map(({ timestamp }) => timestamp),
    ],
  )
}

/** The next records to redrive, oldest first, as one batch. */
export const readRedrive = async (
  pool: Pool,
  { group, topic }: Place,
  maxRecords: number,
): Promise<DeliveredRecord[]> => {
  const { rows } = await pool.query<StoredRow>(
    `SELECT * FROM (
       SELECT r.major AS xid, r.minor AS position, l.key, r.value, r.headers, r.created_at,
         sum(coalesce(octet_length(r.value), 0)) OVER place AS bytes, row_number() OVER place AS nth
       FROM bus.parked_lane AS l JOIN bus.parked_record AS r USING (group_name, topic, lane)
       WHERE group_name = $1 AND topic = $2 AND l.redrive_at IS NOT NULL
       WINDOW place AS (ORDER BY r.major, r.minor)
     ) AS page
     WHERE nth = 1 OR (nth <= $3 AND bytes <= $4) ORDER BY nth`,
    [group, topic, maxRecords, busLimits.batchBytes],
  )
  return rows.map((row) => deliveredFrom(topic, row))
}

/**
 * Removes redriven records that are settled, frees lanes with nothing left and stops again those whose record was
 * parked again.
 */
export const settleRedrive = async (
  client: ClientBase,
  { group, topic }: Place,
  { settled, parked }: { readonly settled: readonly DeliveredRecord[]; readonly parked: readonly SetAside[] },
): Promise<void> => {
  const coordinates = settled.map(({ position }) => cursorAt(position))
  const again = parked.filter(({ reason }) => reason !== behindParked)
  // Whoever asks for a redrive marks many lanes at once: both lock them in the same order.
  await client.query(
    'SELECT FROM bus.parked_lane WHERE group_name = $1 AND topic = $2 AND lane = ANY ($3::text[]) ORDER BY lane FOR UPDATE',
    [group, topic, [...settled, ...again.map(({ record }) => record)].map(laneOf)],
  )
  await client.query(
    `DELETE FROM bus.parked_record AS r USING unnest($3::text[], $4::numeric[], $5::bigint[]) AS s (lane, major, minor)
     WHERE group_name = $1 AND topic = $2 AND (r.lane, r.major, r.minor) = (s.lane, s.major, s.minor)`,
    [group, topic, settled.map(laneOf), coordinates.map(({ xid }) => xid), coordinates.map(({ position }) => position)],
  )
  await client.query(
    `UPDATE bus.parked_lane AS l SET redrive_at = NULL, reason = s.reason
     FROM unnest($3::text[], $4::text[]) AS s (lane, reason)
     WHERE group_name = $1 AND topic = $2 AND l.lane = s.lane`,
    [group, topic, again.map(({ record }) => laneOf(record)), again.map(({ reason }) => reason)],
  )
  await client.query(
    `DELETE FROM bus.parked_lane AS l
     WHERE group_name = $1 AND topic = $2 AND lane = ANY ($3::text[]) AND NOT EXISTS (
       SELECT FROM bus.parked_record AS r
       WHERE r.group_name = l.group_name AND r.topic = l.topic AND r.lane = l.lane)`,
    [group, topic, settled.map(laneOf)],
  )
}

/** Marks a key's lanes for redrive; resolves with the number of their records. */
export const requestRedrive = async (pool: Pool, { group, topic }: Place, key: string | null): Promise<number> => {
  const { rows } = await pool.query<{ records: string }>(
    `WITH wanted AS MATERIALIZED (
       SELECT lane FROM bus.parked_lane
       WHERE group_name = $1 AND topic = $2 AND key IS NOT DISTINCT FROM $3 ORDER BY lane FOR UPDATE
     ), marked AS (
       UPDATE bus.parked_lane AS l SET redrive_at = now() FROM wanted
       WHERE l.group_name = $1 AND l.topic = $2 AND l.lane = wanted.lane RETURNING l.lane
     )
     SELECT count(*) AS records FROM bus.parked_record
     WHERE group_name = $1 AND topic = $2 AND lane IN (SELECT lane FROM marked)`,
    [group, topic, key],
  )
  return Number(rows[0]?.records ?? 0)
}

export const listParked = async (pool: Pool, group: string): Promise<readonly ParkedKey[]> => {
  const { rows } = await pool.query<{
    topic: string
    key: string | null
    reason: string
    records: string
    parked_at: Date
  }>(
    `SELECT topic, key, reason, parked_at,
       (SELECT count(*) FROM bus.parked_record AS r
        WHERE r.group_name = l.group_name AND r.topic = l.topic AND r.lane = l.lane) AS records
     FROM bus.parked_lane AS l WHERE group_name = $1 ORDER BY parked_at, topic, lane`,
    [group],
  )
  return rows.map(({ topic, key, reason, records, parked_at }) => ({
    topic,
    key,
    reason,
    records: Number(records),
    parkedAt: parked_at.toISOString(),
  }))
}
