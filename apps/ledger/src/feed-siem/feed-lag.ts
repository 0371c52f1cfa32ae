import type { Pool } from 'pg'

/** How many entries the SIEM topic does not have yet, over all logs. */
export const feedLag = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ entries: string }>(
    `select coalesce(sum(greatest(h.size - coalesce(p.fed, 0), 0)), 0)::text as entries
     from ledger.log_head h left join ledger.siem_progress p using (log_id)`,
  )
  return Number(rows[0]?.entries ?? 0)
}
