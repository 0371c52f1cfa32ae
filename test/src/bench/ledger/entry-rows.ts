import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { OpenedStore } from '../opened-store.ts'

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

/** Rows of a tenant's log from an index on. */
export const entriesFrom = async ({ superuser, tenantId }: OpenedStore, first: number): Promise<EntryRow[]> => {
  const { rows } = await superuser.query<Record<string, never>>(
    `select e.* from ledger.entry e join ledger.log l using (log_id) where l.tenant_id = $1 and e.idx >= $2 order by e.idx`,
    [tenantId, first],
  )
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

export const sizeOfLog = async ({ superuser, tenantId }: OpenedStore): Promise<number> => {
  const { rows } = await superuser.query<{ size: string }>(
    'select h.size from ledger.log_head h join ledger.log l using (log_id) where l.tenant_id = $1',
    [tenantId],
  )
  return Number(rows[0]?.size ?? 0)
}

/** An empty table with the columns, checks, storage and indexes of the ledger's own. */
export const makeTableLikeEntry = ({ superuser }: OpenedStore, name: string): Promise<unknown> =>
  superuser.query(`create table bench.${name} (like ledger.entry including all)`)

export const chunksOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))

/** COPY BINARY of the rows and nothing else, a transaction for each batch. */
export const copyRows = async (
  pool: pg.Pool,
  batches: readonly (readonly EntryRow[])[],
  encode: (rows: readonly EntryRow[]) => Buffer,
): Promise<number> => {
  const client = await pool.connect()
  try {
    for (const batch of batches) {
      await client.query('begin')
      const into = client.query(copyFrom('copy bench.copied_entry from stdin (format binary)'))
      await pipeline(Readable.from([encode(batch)]), into)
      await client.query('commit')
    }
  } finally {
    client.release()
  }
  return batches.reduce((sum, batch) => sum + batch.length, 0)
}
