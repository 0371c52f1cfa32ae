import type { ClientBase, Pool } from 'pg'
import { busLimits } from '../bus.ts'
import { inTransaction } from '../postgres/in-transaction.ts'
import { deliveredFrom, type StoredRow } from '../postgres/log.ts'
import { listParked, park, requestRedrive, settleRedrive } from '../postgres/parked.ts'
import type { ParkingClaim, ParkingLot } from './parking-lot.ts'

class NotTheHolder extends Error {}

/** The row of `bus.progress` that fences a partition; no topic is called so, for `#` is no character of their names. */
const fenceOf = (topic: string, partition: number): string => `${topic}#${partition}`

const takeOver = `
  INSERT INTO bus.progress (group_name, topic, xid, position, holder)
  SELECT $1, fence, '0', 0, $3 FROM unnest($2::text[]) AS fence ORDER BY fence
  ON CONFLICT (group_name, topic) DO UPDATE SET holder = excluded.holder`

const stoppedKeys = async (client: Pool | ClientBase, { group, topic }: ParkingClaim): Promise<ReadonlySet<string>> => {
  const { rows } = await client.query<{ key: string }>(
    'SELECT key FROM bus.parked_lane WHERE group_name = $1 AND topic = $2 AND key IS NOT NULL',
    [group, topic],
  )
  return new Set(rows.map(({ key }) => key))
}

/** Locks the fence for this transaction, or throws when another has taken the partition over. */
const holdFence = async (client: ClientBase, { group, topic, holder }: ParkingClaim, partition: number) => {
  const { rowCount } = await client.query(
    'SELECT FROM bus.progress WHERE group_name = $1 AND topic = $2 AND holder = $3 FOR UPDATE',
    [group, fenceOf(topic, partition), holder],
  )
  if (rowCount !== 1) throw new NotTheHolder()
}

/** Runs fenced work in one transaction; undefined when the partition is another's. */
const fenced = async <Result>(
  pool: Pool,
  place: { readonly claim: ParkingClaim; readonly partition: number },
  work: (client: ClientBase) => Promise<Result>,
): Promise<Result | undefined> => {
  try {
    return await inTransaction(pool, async (client) => {
      await holdFence(client, place.claim, place.partition)
      return await work(client)
    })
  } catch (error) {
    if (error instanceof NotTheHolder) return undefined
    throw error
  }
}

/** The parking lot in schema `bus` (see `migrateBus`): partition and offset are the two numbers of a place on a lane. */
export const createPostgresParkingLot = (pool: Pool): ParkingLot => ({
  claim: (claim) =>
    inTransaction(pool, async (client) => {
      const fences = claim.partitions.map((partition) => fenceOf(claim.topic, partition))
      await client.query(takeOver, [claim.group, fences, claim.holder])
      // A second statement: what the former holder parked until we took over is seen.
      return stoppedKeys(client, claim)
    }),

  park: async (claim, partition, parked) =>
    (await fenced(pool, { claim, partition }, async (client) => {
      await park(client, claim, parked)
      return true
    })) ?? false,

  topicsToRedrive: async (group) => {
    const { rows } = await pool.query<{ topic: string }>({
      name: 'bus_topics_to_redrive',
      text: 'SELECT DISTINCT topic FROM bus.parked_lane WHERE group_name = $1 AND redrive_at IS NOT NULL',
      values: [group],
    })
    return rows.map(({ topic }) => topic)
  },

  nextRedrive: async ({ group, topic, partitions }, maxRecords) => {
    const { rows } = await pool.query<StoredRow>(
      `SELECT * FROM (
         SELECT r.major AS xid, r.minor AS position, l.key, r.value, r.headers, r.created_at,
           sum(coalesce(octet_length(r.value), 0)) OVER place AS bytes, row_number() OVER place AS nth,
           min(r.major) OVER () AS first
         FROM bus.parked_lane AS l JOIN bus.parked_record AS r USING (group_name, topic, lane)
         WHERE group_name = $1 AND topic = $2 AND l.redrive_at IS NOT NULL AND r.major = ANY ($5::numeric[])
         WINDOW place AS (ORDER BY r.major, r.minor)
       ) AS page
       WHERE xid = first AND (nth = 1 OR (nth <= $3 AND bytes <= $4)) ORDER BY nth`,
      [group, topic, maxRecords, busLimits.batchBytes, partitions],
    )
    return rows.map((row) => deliveredFrom(topic, row))
  },

  settleRedrive: (claim, partition, outcome) =>
    fenced(pool, { claim, partition }, async (client) => {
      await settleRedrive(client, claim, outcome)
      return stoppedKeys(client, claim)
    }),

  requestRedrive: (group, topic, key) => requestRedrive(pool, { group, topic }, key),
  list: (group) => listParked(pool, group),

  count: async (group) => {
    const { rows } = await pool.query<{ topic: string; records: string }>(
      'SELECT topic, count(*) AS records FROM bus.parked_record WHERE group_name = $1 GROUP BY topic',
      [group],
    )
    return new Map(rows.map(({ topic, records }) => [topic, Number(records)]))
  },
})
