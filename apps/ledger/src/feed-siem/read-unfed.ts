import { checkOut } from '@countersign/event-store'
import type { Pool } from 'pg'

/** An entry that the SIEM topic does not have yet. */
export interface UnfedEntry {
  readonly index: number
  readonly leafHash: Buffer
  readonly leaf: Buffer
  /** Of the request that caused the event; `undefined` when it had none or the event row is gone. */
  readonly traceparent: string | undefined
}

/** A log whose last checkpoint covers entries that were not fed, with the next of them. */
export interface UnfedLog {
  readonly logId: string
  readonly tenantId: string
  readonly origin: string
  /** Index of the entry to go on with. */
  readonly fed: number
  /** In the order of the log, as they are stored: nothing is checked yet. */
  readonly entries: readonly UnfedEntry[]
}

type Row = [string, string, string, string, string | null, Buffer | null, Buffer | null, string | null]

// A plan from the day when the tables were empty would read all of them later. Each entry is looked up by its index.
const byIndex = `begin read only;
  set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off; set local enable_bitmapscan = off;
  set local jit = off`

/**
 * The next entries to feed, at most `limit` over all logs, which share it evenly. Only what a published checkpoint covers
 * is fed: such an entry can be proven the moment it arrives, and a restored database, which is refused a checkpoint,
 * cannot feed another entry under an index that the SIEM already has. Logs behind `after` come first, so that many logs
 * take turns.
 */
export const readUnfed = async (
  pool: Pool,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<UnfedLog[]> => {
  const client = await checkOut(pool)
  try {
    await client.query(byIndex)
    const { rows } = await client.query<Row>({
      name: 'ledger_read_unfed',
      text: `
        with due as materialized (
          select h.log_id, l.tenant_id, l.origin, coalesce(p.fed, 0) as fed, c.size, count(*) over () as logs
          from ledger.log_head h
          join ledger.log l on l.log_id = h.log_id
          left join ledger.siem_progress p on p.log_id = h.log_id
          cross join lateral (
            select size from ledger.checkpoint c where c.log_id = h.log_id order by size desc limit 1) as c
          where h.size > coalesce(p.fed, 0) and c.size > coalesce(p.fed, 0)
          order by h.log_id <= $1::uuid, h.log_id limit $2
        )
        select d.log_id, d.tenant_id, d.origin, d.fed, e.idx, e.leaf_hash, e.leaf, v.traceparent
        from due d
        left join lateral (
          select * from ledger.entry e
          where e.log_id = d.log_id and e.idx >= d.fed and e.idx < least(d.size, d.fed + $2 / least(d.logs, $2))
          order by e.idx limit $2
        ) as e on true
        left join lateral (
          select v.metadata ->> 'traceparent' as traceparent from countersign.event v
          where v.kind = e.kind and v.stream_id = e.stream_id and v.version = e.version limit 1
        ) as v on true
        order by d.log_id <= $1::uuid, d.log_id, e.idx`,
      values: [after, limit],
      rowMode: 'array',
    })
    await client.query('commit')
    client.release()
    return logsOf(rows)
  } catch (error) {
    client.release(true)
    throw error
  }
}

const logsOf = (rows: readonly Row[]): UnfedLog[] =>
  [...Map.groupBy(rows, ([logId]) => logId).values()].flatMap((own) => {
    const [first] = own
    if (first === undefined) return []
    const [logId, tenantId, origin, fed] = first
    return [{ logId, tenantId, origin, fed: Number(fed), entries: own.flatMap(entryOf) }]
  })

const entryOf = ([, , , , index, leafHash, leaf, traceparent]: Row): UnfedEntry[] =>
  index === null || leafHash === null || leaf === null
    ? []
    : [{ index: Number(index), leafHash, leaf, traceparent: traceparent ?? undefined }]
