import { randomUUIDv7 } from 'node:crypto'
import { nameId } from '@countersign/redaction'
import type { EventMetadata, EventOf, RecordedEventOf, StreamKind } from '@countersign/contracts'

/** Names one stream. The companion stream of attempts of an intent has the intent's id. */
export type StreamRef = { readonly kind: StreamKind; readonly streamId: string; readonly tenantId: string }

/** The life of an intent: all that decides about it. */
export const intentStream = (tenantId: string, intentId: string): StreamRef => ({
  kind: 'intent',
  streamId: intentId,
  tenantId,
})

/** Companion stream of an intent: presentations, deliveries and refused attempts. */
export const attemptsStream = (tenantId: string, intentId: string): StreamRef => ({
  kind: 'attempts',
  streamId: intentId,
  tenantId,
})

/** An entry of a register: the same name of the same kind is the same stream, in each tenant another. */
export const registerStream = (tenantId: string, kind: string, ...name: readonly string[]): StreamRef => ({
  kind: 'register',
  streamId: nameId(kind, tenantId, ...name),
  tenantId,
})

/** Where an event stands in the order in which readers see the store. */
export type Cursor = { readonly incarnation: number; readonly xid: string; readonly position: number }

/** An event of the store, with the wire type of its row and its place in the order of readers. */
export type StoredEvent = RecordedEventOf & Cursor & { readonly wireType: string }

/** What a stream held when it was loaded: version 0 and no events when it does not exist. */
export type LoadedStream = StreamRef & { readonly version: number; readonly events: readonly StoredEvent[] }

/** Events to append to one stream, in order; they get consecutive versions. */
export type StreamEvents = {
  readonly stream: StreamRef
  readonly events: readonly EventOf[]
  /** Added to the metadata of each of these events. */
  readonly metadata?: Partial<EventMetadata>
}

/** A new UUID version 7, lower case. */
export const newId = (): string => randomUUIDv7()

/** Key of a stream in maps. Tenants are part of it: a stream of another tenant is another stream. */
export const streamKey = (ref: StreamRef): string => `${ref.kind}/${ref.tenantId}/${ref.streamId}`

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Returns the id, or throws a TypeError when it is not a lower-case UUID: ids are written into statements. */
export const checkedId = (id: string): string => {
  if (!uuidPattern.test(id)) throw new TypeError('an id is a lower-case UUID')
  return id
}

/** The streams without repetitions, in the order of the first mention. */
export const distinctStreams = (refs: Iterable<StreamRef>): StreamRef[] => {
  const byKey = new Map<string, StreamRef>()
  for (const ref of refs) if (!byKey.has(streamKey(ref))) byKey.set(streamKey(ref), ref)
  return [...byKey.values()]
}
