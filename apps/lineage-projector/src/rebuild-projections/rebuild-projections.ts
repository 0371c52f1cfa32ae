import { readGated, storeStart, type Cursor } from '@countersign/event-store'
import pg from 'pg'
import { createProjectFunctions } from '../migrations/project-functions.ts'
import { createTables, numberAuditRows, projectionTables } from '../migrations/projection-tables.ts'
import { projectEvents } from '../project-events.ts'

const next = 'lineage_rebuild'
const batch = 500

export type RebuildOptions = {
  /** URL of the owner: a rebuild makes tables. */
  readonly ownerUrl: string
  /** Called after each batch with the number of events projected so far. */
  readonly onProgress?: (events: number) => void
}

/**
 * Makes the projections anew from the event table and puts them in the place of the live ones, while these go on
 * serving and projecting. Audit rows keep the numbers under which readers know them. Only the last step locks the live
 * tables: it reads what came meanwhile, so that nothing is missing that the live ones had, and swaps. Resolves with the
 * number of events. One at a time; what an earlier one left half done is dropped.
 */
export const rebuildProjections = async ({ ownerUrl, onProgress }: RebuildOptions): Promise<number> => {
  const client = new pg.Client({ connectionString: ownerUrl })
  // Whatever was asked on a connection that is lost says so; unheard, the loss itself would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('countersign.lineage.rebuild', 0)) as locked`,
    )
    if (rows[0]?.locked !== true) throw new Error('another rebuild is running')
    await client.query(
      `drop schema if exists ${next} cascade; create schema ${next};
       ${createTables(next)} ${createProjectFunctions(next)}`,
    )
    const fill = filler(client, onProgress)
    await fill.toTheEnd()
    // Whatever fails in it, the end of the connection rolls back.
    await client.query('begin')
    for (const table of projectionTables) await client.query(`lock table lineage.${table} in access exclusive mode`)
    await fill.toTheEnd()
    await keepNumbers(client)
    for (const table of projectionTables) {
      await client.query(`drop table lineage.${table}; alter table ${next}.${table} set schema lineage`)
    }
    await client.query(`drop schema ${next} cascade`)
    await client.query('commit')
    return fill.events()
  } finally {
    await client.end()
  }
}

const filler = (client: pg.Client, onProgress: RebuildOptions['onProgress']) => {
  let after: Cursor = storeStart
  let count = 0
  return {
    events: () => count,
    toTheEnd: async () => {
      for (;;) {
        const events = await readGated(client, { after, limit: batch })
        const last = events.at(-1)
        if (last === undefined) return
        await projectEvents(client, events, next)
        after = { incarnation: last.incarnation, xid: last.xid, position: last.position }
        count += events.length
        onProgress?.(count)
      }
    },
  }
}

/** Rows that readers know keep their numbers; the others follow behind the last one that was given. */
const keepNumbers = async (client: pg.Client): Promise<void> => {
  await client.query(`
    update ${next}.audit_event made set seq = numbered.seq
    from (
      select m.tenant_id, m.event_id, coalesce(live.seq, coalesce(h.seq, 0) + row_number() over (
        partition by m.tenant_id, live.seq is null order by m.seq)) as seq
      from ${next}.audit_event m
      left join lineage.audit_event live on live.tenant_id = m.tenant_id and live.event_id = m.event_id
      left join lineage.audit_head h on h.tenant_id = m.tenant_id
    ) as numbered
    where made.tenant_id = numbered.tenant_id and made.event_id = numbered.event_id and made.seq <> numbered.seq`)
  await client.query(`
    update ${next}.audit_head h set seq = greatest(newest.seq, coalesce(live.seq, 0))
    from (select tenant_id, max(seq) as seq from ${next}.audit_event group by tenant_id) as newest
    left join lineage.audit_head live using (tenant_id)
    where h.tenant_id = newest.tenant_id`)
  await client.query(numberAuditRows(next))
}
