import { prepared } from './prepared.ts'
import { definitionOf, type EventMetadata, type EventOf, fitsEvent, wireTypeOf } from '@countersign/contracts'
import { newId, type StoredEvent, type StreamEvents, type StreamRef, streamKey } from './stream.ts'
import { canonicalJson } from '@countersign/redaction'
import type { Transaction } from './transaction.ts'

/** Most events that one append takes: more would hold the gate of the whole cluster for too long. */
export const maxBatchEvents = 500

/** Events for one stream; `expectedVersion` null means any, for attempts only. */
export type StreamAppend = StreamEvents & { readonly expectedVersion: number | null }

/** What became of one stream of an append. `version` is its version now. */
export type Appended = {
  readonly stream: StreamRef
  readonly moved: boolean
  readonly version: number
  readonly events: readonly StoredEvent[]
}

type AppendRow = {
  moved: boolean[]
  versions: string[]
  positions: string[] | null
  incarnation: number
  xid: string | null
  recorded_at: Date | null
}

/**
 * Appends to many streams in one statement, all or nothing per stream. Attempts may be named several times, each time
 * with more events. It must come before the first write of the transaction and roll it back when a stream did not
 * move. Throws when an event does not fit its schema or its kind of stream, and for whatever the database refuses.
 */
export async function appendEvents(
  tx: Transaction,
  batch: readonly StreamAppend[],
  defaults: EventMetadata,
): Promise<Appended[]> {
  if (batch.length === 0) return []
  const streams = placesOf(batch)
  const pending: PendingEvent[] = batch.flatMap(({ stream, events, metadata }) => {
    const merged = { ...defaults, ...metadata }
    return events.map((event) => ({ eventId: newId(), event: checkedEvent(event, stream), metadata: merged, stream }))
  })
  const { rows } = await tx.query<AppendRow>(
    prepared(
      `select moved, versions, positions, incarnation, xid::text, recorded_at
     from countersign.append($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        streams.list.map(({ stream }) => stream.kind),
        streams.list.map(({ stream }) => stream.streamId),
        streams.list.map(({ stream }) => stream.tenantId),
        streams.list.map(({ expectedVersion }) => expectedVersion),
        pending.map(({ stream }) => streams.placeOf(stream) + 1),
        pending.map(({ eventId }) => eventId),
        pending.map(({ event }) => wireTypeOf(event.type)),
        // The ledger records the canonical form, which it then need not make of it.
        pending.map(({ event }) => canonicalJson(event.data)),
        pending.map(({ metadata }) => JSON.stringify(metadata)),
      ],
    ),
  )
  const row = rows[0]
  if (row === undefined) throw new Error('the append did not answer')

  // Versions per stream are consecutive and end at the version that the database answered.
  const left = streams.list.map(() => 0)
  for (const { stream } of pending) left[streams.placeOf(stream)] = (left[streams.placeOf(stream)] ?? 0) + 1
  let next = 0
  return batch.map(({ stream, events }) => {
    const place = streams.placeOf(stream)
    const moved = row.moved[place] === true
    const version = Number(row.versions[place])
    const own = pending.slice(next, next + events.length).map((item, step) => {
      const stored = storedFrom(item, row, { version: version - (left[place] ?? 0) + 1, place: next + step })
      left[place] = (left[place] ?? 0) - 1
      return stored
    })
    next += events.length
    return { stream, moved, version, events: moved ? own : [] }
  })
}

type PendingEvent = { eventId: string; event: EventOf; metadata: EventMetadata; stream: StreamRef }

function checkedEvent(event: EventOf, stream: StreamRef): EventOf {
  if (definitionOf(event.type).kind !== stream.kind) {
    throw new Error(`${event.type} does not belong to a stream of kind ${stream.kind}`)
  }
  if (!fitsEvent(event.type, event.data)) throw new Error(`${event.type} does not fit its schema`)
  return event
}

function placesOf(batch: readonly StreamAppend[]) {
  const places = new Map<string, number>()
  const list: { stream: StreamRef; expectedVersion: number | null }[] = []
  for (const { stream, expectedVersion } of batch) {
    const key = streamKey(stream)
    if (!places.has(key)) {
      places.set(key, list.length)
      list.push({ stream, expectedVersion })
    } else if (expectedVersion !== null || stream.kind !== 'attempts') {
      throw new Error('a stream with an expected version is named once in an append')
    }
  }
  return { list, placeOf: (stream: StreamRef): number => places.get(streamKey(stream)) ?? 0 }
}

const storedFrom = (item: PendingEvent, row: AppendRow, at: { version: number; place: number }): StoredEvent =>
  ({
    eventId: item.eventId,
    type: item.event.type,
    schemaVersion: definitionOf(item.event.type).version,
    tenantId: item.stream.tenantId,
    kind: item.stream.kind,
    streamId: item.stream.streamId,
    version: at.version,
    data: item.event.data,
    metadata: item.metadata,
    recordedAt: row.recorded_at?.toISOString(),
    wireType: wireTypeOf(item.event.type),
    incarnation: row.incarnation,
    xid: row.xid,
    position: Number(row.positions?.[at.place]),
  }) as StoredEvent
