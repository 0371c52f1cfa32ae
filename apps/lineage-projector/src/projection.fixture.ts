import { wireType, type RecordedEventOf } from '@countersign/contracts'
import { freshStore, gatePassed, type SpecStore } from '@countersign/event-store/spec-store'
import type pg from 'pg'
import { migrateLineage } from './migrations/migrate-lineage.ts'

/** A store with the projector's schema, both empty. */
export const freshProjection = async (): Promise<SpecStore> => {
  const store = await freshStore()
  await migrateLineage(store.urlOf('owner'))
  return store
}

/**
 * Puts recorded events into the event table as they are; only the superuser may. Resolves when they can be read through the
 * gate, which looks at the transactions of the whole server, those of other specs too.
 */
export const recordEvents = async (superuser: pg.Pool, events: readonly RecordedEventOf[]): Promise<void> => {
  await superuser.query(
    `insert into countersign.event
       (event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata, recorded_at)
     select event_id, 1, tenant_id, kind, stream_id, version, type, data::jsonb, '{"service":"spec"}', recorded_at
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[])
       as e(event_id, tenant_id, kind, stream_id, version, type, data, recorded_at)`,
    [
      events.map((event) => event.eventId),
      events.map((event) => event.tenantId),
      events.map((event) => event.kind),
      events.map((event) => event.streamId),
      events.map((event) => event.version),
      events.map((event) => wireType(event.type, event.schemaVersion)),
      events.map((event) => JSON.stringify(event.data)),
      events.map((event) => event.recordedAt),
    ],
  )
  await gatePassed(superuser)
}

const orders: Readonly<Record<string, string>> = {
  node: 'tenant_id, id',
  edge: 'tenant_id, from_id, kind, to_id',
  intent_fact: 'tenant_id, intent_id',
  audit_event: 'tenant_id, event_id',
  audit_head: 'tenant_id',
}

/** Every row of every projection, as text, by natural key. */
export const rowsOf = async (superuser: pg.Pool): Promise<Record<string, unknown[]>> => {
  const all: Record<string, unknown[]> = {}
  for (const [table, order] of Object.entries(orders)) {
    const { rows } = await superuser.query<{ row: unknown }>(
      `select to_jsonb(t) as row from lineage.${table} t order by ${order}`,
    )
    all[table] = rows.map(({ row }) => row)
  }
  return all
}

/** Empties the projections. */
export const clearProjection = async (superuser: pg.Pool): Promise<void> => {
  await superuser.query(
    `truncate ${Object.keys(orders)
      .map((table) => `lineage.${table}`)
      .join(', ')}`,
  )
}
