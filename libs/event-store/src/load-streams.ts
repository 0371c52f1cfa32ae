import { prepared } from './prepared.ts'
import { parseWireType, type StreamKind } from '@countersign/contracts'
import { type LoadedStream, type StoredEvent, type StreamRef, streamKey } from './stream.ts'
import type { Transaction } from './transaction.ts'

/** Columns of an event row, as `eventColumns` selects them. bigint and xid8 arrive as text. */
export type EventRow = {
  position: string
  event_id: string
  incarnation: number
  tenant_id: string
  kind: StreamKind
  stream_id: string
  version: string
  type: string
  data: unknown
  metadata: unknown
  xid: string
  recorded_at: Date
}

export const eventColumns =
  'position, event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata, xid::text, recorded_at'

/** Streams as one statement saw them, and the database's clock after that. */
export type Loaded = {
  /** The database's clock, ISO-8601 UTC with milliseconds. Deadlines are compared with it. */
  readonly now: string
  /** The open incarnation. It does not change while a stream that was locked before is held. */
  readonly incarnation: number
  /** The stream; version 0 when it has no events. Throws for a stream that was not asked for. */
  of(ref: StreamRef): LoadedStream
}

/** The event of a row. The type keeps its bare name here; a type that is not ours at all throws. */
export function storedEvent(row: EventRow): StoredEvent {
  const parsed = parseWireType(row.type)
  if (parsed === undefined) throw new Error(`the store holds an event of the foreign type ${row.type}`)
  return {
    eventId: row.event_id,
    type: parsed.name,
    schemaVersion: parsed.version,
    tenantId: row.tenant_id,
    kind: row.kind,
    streamId: row.stream_id,
    version: Number(row.version),
    data: row.data,
    metadata: row.metadata,
    recordedAt: row.recorded_at.toISOString(),
    wireType: row.type,
    incarnation: row.incarnation,
    xid: row.xid,
    position: Number(row.position),
    // What a row holds was checked when it was appended; a reader that does not know the type refuses by itself.
  } as StoredEvent
}

type LoadedRow = { now: Date; open_incarnation: number } & ({ event_id: null } | EventRow)

const surroundings = `clock_timestamp() as now,
  (select max(i.incarnation) from countersign.store_incarnation i) as open_incarnation`

const kinds = ['intent', 'register', 'attempts'] as const

/**
 * Loads many streams and the database's clock in one round trip. To decide on them in the same transaction, lock them
 * in an earlier statement: a statement that waits for a lock does not see what it waited for.
 */
export async function loadStreams(tx: Transaction, refs: readonly StreamRef[]): Promise<Loaded> {
  const ids = kinds.map((kind) => [...new Set(refs.filter((ref) => ref.kind === kind).map((ref) => ref.streamId))])
  // One branch per kind with a constant, so that the planner drops the partitions of the others.
  const branches: string[] = []
  const values: string[][] = []
  kinds.forEach((kind, place) => {
    const streamIds = ids[place] ?? []
    if (streamIds.length === 0) return
    values.push(streamIds)
    branches.push(
      `select ${eventColumns} from countersign.event where kind = '${kind}' and stream_id = any ($${values.length}::uuid[])`,
    )
  })
  const text =
    branches.length === 0
      ? `select ${surroundings}, null as event_id`
      : `select at.now, at.open_incarnation, e.* from (select ${surroundings}) as at
         left join (${branches.join(' union all ')}) as e on true order by e.stream_id, e.version`
  const { rows } = await tx.query<LoadedRow>(prepared(text, values))
  return loadedFrom(rows, refs)
}

function loadedFrom(rows: readonly LoadedRow[], refs: readonly StreamRef[]): Loaded {
  const [first] = rows
  if (first === undefined) throw new Error('the database did not tell the time')
  const streams = new Map<string, StoredEvent[]>(refs.map((ref) => [streamKey(ref), []]))
  for (const row of rows) {
    // A row of another tenant is not what was asked for, even where the transaction may see it.
    if (row.event_id !== null) {
      const event = storedEvent(row)
      streams.get(streamKey(event))?.push(event)
    }
  }
  return {
    now: first.now.toISOString(),
    incarnation: first.open_incarnation,
    of: (ref) => {
      const events = streams.get(streamKey(ref))
      if (events === undefined) throw new Error(`the stream ${ref.kind} ${ref.streamId} was not loaded`)
      return { kind: ref.kind, streamId: ref.streamId, tenantId: ref.tenantId, version: events.length, events }
    },
  }
}
