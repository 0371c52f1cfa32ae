import type { StreamKind } from '@countersign/contracts'
import type { Cursor } from '@countersign/event-store'
import type { UnparsedEvent } from '@countersign/ledger-check'
import pg from 'pg'

/** The last entry of a stream in a log. */
export interface StreamTail {
  readonly version: number
  readonly hash: Buffer
}

/** An event row with what its tenant's log already holds around it. */
export interface ReadEvent {
  readonly event: UnparsedEvent
  /** Whether the event is in the log already, as far as that was looked up: then the cursor had been set back. */
  readonly isLogged: boolean
  /** The entry that the event's stream ends with; `undefined` for the first version, and for a stream without entries. */
  readonly tail: StreamTail | undefined
}

export interface ReadEvents {
  readonly events: readonly ReadEvent[]
  /** Place of the last of them; `undefined` without any. */
  readonly to: Cursor | undefined
}

type EventRow = [string, string, string, string, string, string, StreamKind, string, string, string, string]
type Row = [...EventRow, 'f' | 't', string | null, string | null]

/** Every column as the text that the server sends: data goes into the log as text, and making values of it takes longest. */
const asText = { getTypeParser: () => (text: string) => text }

/**
 * The next events after a place, in the order of (incarnation, xid, position), behind the same gate as the store's own
 * `readGated`: only of transactions below the oldest one that still runs. It is a statement of the ledger's own because
 * it runs for every batch: prepared, without metadata, any wire type is recorded, and the logs' side comes with it, which
 * saves a round trip with all the ids. Whether an event is in the log already is looked up only when it `mayBeLogged`: it
 * costs as much as a fifth of the rest. Both look-ups in the log are lateral: as a join, a plan that was made while the log
 * was empty reads the whole log for each event. Call it before the transaction writes, or its own xid holds back the gate for
 * everybody.
 */
export const readEvents = async (
  client: pg.ClientBase,
  { after, limit, mayBeLogged }: { readonly after: Cursor; readonly limit: number; readonly mayBeLogged: boolean },
): Promise<ReadEvents> => {
  const { rows } = await client.query<Row>({
    name: 'ledger_read_events',
    text: `
      select e.incarnation, e.xid::text, e.position::text, e.event_id, e.tenant_id, e.type, e.kind, e.stream_id, e.version,
        e.recorded_at, e.data, logged.event_id is not null, tail.version::text, tail.leaf_hash
      from (
        select incarnation, xid, position, event_id, tenant_id, type, kind, stream_id, version, recorded_at, data
        from countersign.event
        where (incarnation, xid, position) > ($1::integer, $2::text::xid8, $3::bigint)
          and (xid < (select pg_snapshot_xmin(pg_current_snapshot()))
            or incarnation < (select max(i.incarnation) from countersign.store_incarnation i))
        order by event.incarnation, event.xid, event.position
        limit $4
      ) as e
      left join ledger.log l on l.tenant_id = e.tenant_id
      left join lateral (
        select k.event_id from ledger.entry k where $5 and k.log_id = l.log_id and k.event_id = e.event_id limit 1
      ) as logged on true
      left join lateral (
        select t.version, t.leaf_hash from ledger.entry t
        where t.log_id = l.log_id and t.kind = e.kind and t.stream_id = e.stream_id and e.version > 1
        order by t.version desc limit 1
      ) as tail on true
      order by e.incarnation, e.xid, e.position`,
    values: [after.incarnation, after.xid, after.position, limit, mayBeLogged],
    rowMode: 'array',
    types: asText,
  })
  const last = rows.at(-1)
  const to = last === undefined ? undefined : { incarnation: Number(last[0]), xid: last[1], position: Number(last[2]) }
  return { events: rows.map(readEventOf), to }
}

const readEventOf = (row: Row): ReadEvent => {
  const [, , , eventId, tenantId, wireType, kind, streamId, version, recordedAt, dataText, isLogged, tail, hash] = row
  return {
    event: {
      eventId,
      tenantId,
      wireType,
      kind,
      streamId,
      version: Number(version),
      recordedAt: isoTimeOf(recordedAt),
      dataText,
    },
    isLogged: isLogged === 't',
    tail:
      tail === null || hash === null ? undefined : { version: Number(tail), hash: Buffer.from(hash.slice(2), 'hex') },
  }
}

const utcTime = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\+00$/

const anyTime: (time: string) => Date = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ)

/** A time as PostgreSQL writes it, in whatever zone the session has. */
const isoTimeOf = (time: string): string => {
  const [, day, clock, fraction = ''] = utcTime.exec(time) ?? []
  return day === undefined ? anyTime(time).toISOString() : `${day}T${clock}.${fraction.padEnd(3, '0')}Z`
}
