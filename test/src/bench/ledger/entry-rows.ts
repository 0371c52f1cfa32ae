import type pg from 'pg'

/** A row of `ledger.entry`. */
export type EntryRow = {
  readonly logId: string
  readonly index: number
  readonly eventId: string
  readonly kind: string
  readonly streamId: string
  readonly version: number
  readonly leafHash: Buffer
  readonly leaf: Buffer
}

/** The log of a tenant, for whoever may read it. */
export type TenantLog = { readonly superuser: pg.Pool; readonly tenantId: string }

/** Where new rows of a log begin, and how many there have to be. */
export type NewRows = { readonly tenantId: string; readonly first: number; readonly count: number }

/** The rows of a tenant's log from an index on. @throws unless they are as many as wanted */
export const entriesFrom = async (superuser: pg.Pool, { tenantId, first, count }: NewRows): Promise<EntryRow[]> => {
  const { rows } = await superuser.query<Record<string, never>>(
    `select e.* from ledger.entry e join ledger.log l using (log_id) where l.tenant_id = $1 and e.idx >= $2 order by e.idx`,
    [tenantId, first],
  )
  if (rows.length !== count) throw new Error(`the ledger took ${rows.length} of ${count} events`)
  return rows.map((row) => ({
    logId: row['log_id'] as never,
    index: Number(row['idx']),
    eventId: row['event_id'] as never,
    kind: row['kind'] as never,
    streamId: row['stream_id'] as never,
    version: Number(row['version']),
    leafHash: row['leaf_hash'] as never,
    leaf: row['leaf'] as never,
  }))
}

export const sizeOfLog = async ({ superuser, tenantId }: TenantLog): Promise<number> => {
  const { rows } = await superuser.query<{ size: string }>(
    'select h.size from ledger.log_head h join ledger.log l using (log_id) where l.tenant_id = $1',
    [tenantId],
  )
  return Number(rows[0]?.size ?? 0)
}

/** An empty table with the columns, checks, storage and indexes of the ledger's own. */
export const makeTableLikeEntry = (superuser: pg.Pool, name: string): Promise<unknown> =>
  superuser.query(`create table bench.${name} (like ledger.entry including all)`)

export const chunksOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
