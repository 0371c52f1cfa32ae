import { askedTogether } from './asked-together.ts'
import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** Refused attempts of one source in 10 s that get an event of their own; the rest is only counted. */
export const recordedRefusals = 20

export type RefusalSource = { readonly tenantId: string; readonly source: string }

/** Refused attempts to count, and how many events tell of them; one may stand for several. */
export type RefusalCount = RefusalSource & {
  readonly code: string
  readonly streamId: string
  readonly total: number
  readonly recorded: number
}

const windowStart = `date_bin('10 seconds', clock_timestamp(), timestamptz '2000-01-01 00:00:00+00')`

const nameOf = ({ tenantId, source }: RefusalSource) => JSON.stringify([tenantId, source])

/**
 * How many refused attempts of each source may still get an event of their own in these 10 s, in the order asked.
 * Writes nothing, so it may come before an append. Attempts at the same time may each see the same rest: a few more
 * are recorded then, never fewer, and the counts stay exact.
 */
export const refusalsLeft = askedTogether(async (tx, sources: readonly RefusalSource[]): Promise<number[]> => {
  const { rows } = await tx.query<{ tenant_id: string; source: string; recorded: string }>(
    prepared(
      `select c.tenant_id, c.source, sum(c.recorded) as recorded
     from countersign.refusal_count c
     where c.tenant_id = any ($1::uuid[]) and c.source = any ($2::text[]) and c.window_start = ${windowStart}
     group by c.tenant_id, c.source`,
      [sources.map((source) => source.tenantId), sources.map((source) => source.source)],
    ),
  )
  const used = new Map(rows.map((row) => [nameOf({ tenantId: row.tenant_id, source: row.source }), row.recorded]))
  return sources.map((source) => Math.max(0, recordedRefusals - Number(used.get(nameOf(source)) ?? 0)))
})

/** Counts refused attempts exactly, after the append of those that are recorded. */
export async function countRefusals(tx: Transaction, counts: readonly RefusalCount[]): Promise<void> {
  if (counts.length === 0) return
  // Sorted, so that two transactions that count the same sources wait for each other and never deadlock.
  await tx.query(
    prepared(
      `insert into countersign.refusal_count as c (tenant_id, source, window_start, code, stream_id, total, recorded)
     select n.tenant_id, n.source, w.start, n.code, n.stream_id, sum(n.total), sum(n.recorded)
     from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[])
         as n(tenant_id, source, code, stream_id, total, recorded),
       (select ${windowStart} as start) as w
     group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
     on conflict (tenant_id, source, window_start, code, stream_id)
       do update set total = c.total + excluded.total, recorded = c.recorded + excluded.recorded`,
      [
        counts.map((count) => count.tenantId),
        counts.map((count) => count.source),
        counts.map((count) => count.code),
        counts.map((count) => count.streamId),
        counts.map((count) => count.total),
        counts.map((count) => count.recorded),
      ],
    ),
  )
}
