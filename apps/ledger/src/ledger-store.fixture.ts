import { randomUUID } from 'node:crypto'
import { newId } from '@countersign/event-store'
import { freshStore, gatePassed, type SpecStore } from '@countersign/event-store/spec-store'
import type pg from 'pg'
import { appendBatch } from './append-entry/append-batch.ts'
import { migrateLedger } from './migrate-ledger.ts'

export const originHost = 'countersign.test'

/** An event row as a spec writes it: what is left out gets a value of its own. */
export interface RowOfEvent {
  readonly tenantId?: string
  readonly kind?: 'intent' | 'attempts' | 'register'
  readonly streamId?: string
  readonly version?: number
  readonly eventId?: string
  /** Wire type. */
  readonly type?: string
  readonly traceparent?: string
  readonly data?: object
}

export interface LedgerStore extends SpecStore {
  /** Connections as the ledger's role. */
  readonly ledger: pg.Pool
  /** Writes event rows past the append function, in the order given, on this connection or in one transaction. */
  insert(rows: readonly RowOfEvent[], client?: Pick<pg.ClientBase, 'query'>): Promise<void>
  /** Appends until nothing is left; answers how many entries that made. */
  appendAll(limit?: number): Promise<number>
  logIdOf(tenantId: string): Promise<string>
  /** Runs statements as superuser with the triggers off, as somebody would who wants to hide something. */
  tamper(statement: string, values?: readonly unknown[]): Promise<void>
}

/** A store with the ledger's schema in a database of its own. */
export const freshLedger = async (): Promise<LedgerStore> => {
  const store = await freshStore()
  await migrateLedger(store.urlOf('owner'))
  const ledger = store.poolOf('ledger')
  const { tenantId, superuser } = store
  return {
    ...store,
    ledger,
    insert: (rows, client = superuser) => insertRows(client, tenantId, rows),
    appendAll: async (limit) => {
      await gatePassed(superuser)
      let entries = 0
      for (;;) {
        const batch = await appendBatch(ledger, { originHost, ...(limit === undefined ? {} : { limit }) })
        entries += batch.entries
        if (batch.events === 0) return entries
      }
    },
    logIdOf: async (id) => {
      const { rows } = await superuser.query<{ log_id: string }>('select log_id from ledger.log where tenant_id = $1', [
        id,
      ])
      return rows[0]?.log_id ?? ''
    },
    tamper: async (statement, values = []) => {
      const client = await superuser.connect()
      try {
        await client.query(`begin; set local session_replication_role = replica`)
        const { rowCount } = await client.query(statement, [...values])
        await client.query('commit')
        if (rowCount === 0) throw new Error('nothing was tampered with')
      } finally {
        client.release()
      }
    },
  }
}

const insertRows = async (
  client: Pick<pg.ClientBase, 'query'>,
  tenantId: string,
  rows: readonly RowOfEvent[],
): Promise<void> => {
  const filled = rows.map((row) => ({
    tenantId,
    kind: 'intent',
    streamId: newId(),
    version: 1,
    eventId: newId(),
    type: 'dev.countersign.Noted.v1',
    traceparent: null,
    data: { note: randomUUID() },
    ...row,
  }))
  await client.query(
    `insert into countersign.event (event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata)
     select event_id, 1, tenant_id, kind, stream_id, version, type, data::jsonb,
       jsonb_strip_nulls(jsonb_build_object('service', 'spec', 'traceparent', traceparent))
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[])
       as r(event_id, tenant_id, kind, stream_id, version, type, data, traceparent)`,
    [
      filled.map((row) => row.eventId),
      filled.map((row) => row.tenantId),
      filled.map((row) => row.kind),
      filled.map((row) => row.streamId),
      filled.map((row) => row.version),
      filled.map((row) => row.type),
      filled.map((row) => JSON.stringify(row.data)),
      filled.map((row) => row.traceparent),
    ],
  )
}

/** Events of `streams` streams, `each` of them, interleaved. */
export const streamsOf = (streams: number, each: number, row: RowOfEvent = {}): RowOfEvent[] => {
  const ids = Array.from({ length: streams }, newId)
  return Array.from({ length: streams * each }, (_, at) => ({
    ...row,
    streamId: ids[at % streams] ?? newId(),
    version: 1 + Math.floor(at / streams),
  }))
}
