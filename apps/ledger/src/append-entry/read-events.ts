import type { StreamKind } from '@countersign/contracts'
import type { Cursor } from '@countersign/event-store'
import type { ClientBase } from 'pg'
import type { LoggedEvent } from '@countersign/ledger-check'

export interface ReadEvents {
  readonly events: readonly LoggedEvent[]
  /** Place of the last of them; `undefined` without any. */
  readonly to: Cursor | undefined
}

type Row = [number, string, string, string, string, string, StreamKind, string, string, Date, unknown]

/**
 * The next events after a place, in the order of (incarnation, xid, position), behind the same gate as the store's own
 * `readGated`: only of transactions below the oldest one that still runs. It is a statement of the ledger's own because
 * it runs for every batch: prepared, without metadata, and any wire type is recorded. Call it before the transaction
 * writes, or its own xid holds back the gate for everybody.
 */
export const readEvents = async (
  client: ClientBase,
  { after, limit }: { readonly after: Cursor; readonly limit: number },
): Promise<ReadEvents> => {
  const { rows } = await client.query<Row>({
    name: 'ledger_read_events',
    text: `
      select incarnation, xid::text, position::text, event_id, tenant_id, type, kind, stream_id, version, recorded_at, data
      from countersign.event
      where (incarnation, xid, position) > ($1::integer, $2::text::xid8, $3::bigint)
        and (xid < (select pg_snapshot_xmin(pg_current_snapshot()))
          or incarnation < (select max(i.incarnation) from countersign.store_incarnation i))
      order by event.incarnation, event.xid, event.position
      limit $4`,
    values: [after.incarnation, after.xid, after.position, limit],
    rowMode: 'array',
  })
  const last = rows.at(-1)
  const to = last === undefined ? undefined : { incarnation: last[0], xid: last[1], position: Number(last[2]) }
  return { events: rows.map(eventOf), to }
}

const eventOf = ([, , , eventId, tenantId, wireType, kind, streamId, version, recordedAt, data]: Row): LoggedEvent => ({
  eventId,
  tenantId,
  wireType,
  kind,
  streamId,
  version: Number(version),
  recordedAt: recordedAt.toISOString(),
  data,
})
