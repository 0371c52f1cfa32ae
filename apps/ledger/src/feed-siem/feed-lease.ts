import type { Pool } from 'pg'

/** How long a feeder that died or hangs keeps others from taking over, by the database's clock. */
const LEASE_MS = 5_000

const prolonged = `held_until = clock_timestamp() + ${LEASE_MS} * interval '1 millisecond'`

/** Takes the lease or prolongs it; false while another feeder's has not run out. */
export const takeLease = async (pool: Pool, holder: string): Promise<boolean> => {
  const { rowCount } = await pool.query(
    `update ledger.siem_lease set holder = $1, ${prolonged}
     where name = 'feed' and (holder = $1 or held_until < clock_timestamp())`,
    [holder],
  )
  return rowCount === 1
}

/** Gives the lease back, so that the next feeder need not wait. */
export const releaseLease = async (pool: Pool, holder: string): Promise<void> => {
  await pool.query(
    `update ledger.siem_lease set holder = null, held_until = '-infinity' where name = 'feed' and holder = $1`,
    [holder],
  )
}

/** How much of a log the bus has taken: every entry below `fed`. */
export interface FedLog {
  readonly logId: string
  readonly fed: number
}

/**
 * Records what the bus took, and prolongs the lease in the same statement; false when the lease is another's by now.
 * A feeder publishes from where a cursor stood, so whatever end it reached is one up to which nothing is missing: the
 * cursor takes it when that is further, whoever else feeds, and never goes back.
 */
export const recordFed = async (pool: Pool, holder: string, logs: readonly FedLog[]): Promise<boolean> => {
  const { rows } = await pool.query<{ held: number }>({
    name: 'ledger_siem_fed',
    text: `
      with moved as (
        insert into ledger.siem_progress as p (log_id, fed)
        select log_id, fed from unnest($1::uuid[], $2::bigint[]) as m(log_id, fed) order by log_id
        on conflict (log_id) do update set fed = excluded.fed where p.fed < excluded.fed
      ), held as (
        update ledger.siem_lease set ${prolonged} where name = 'feed' and holder = $3 returning 1
      )
      select count(*)::int as held from held`,
    values: [logs.map(({ logId }) => logId), logs.map(({ fed }) => fed), holder],
  })
  return rows[0]?.held === 1
}
