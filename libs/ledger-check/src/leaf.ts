import type { StoredEvent } from '@countersign/event-store'
import { canonicalJson, canonicalText } from '@countersign/redaction'
import { leafHash } from '@countersign/merkle-log'

/** What the ledger records of an event: all but its place in the store and its metadata. */
export type LoggedEvent = Pick<
  StoredEvent,
  'eventId' | 'tenantId' | 'wireType' | 'kind' | 'streamId' | 'version' | 'recordedAt'
> & { readonly data: unknown }

export interface Leaf {
  readonly bytes: Buffer
  readonly hash: Buffer
}

/** An event as it comes out of storage, with the text of its data. */
export type UnparsedEvent = Omit<LoggedEvent, 'data'> & { readonly dataText: string }

/**
 * Leaf of an event: JCS (RFC 8785) of `{v: 1, log, prev, id, type, kind, stream, version, recordedAt, data}`.
 * `prev` is the leaf hash of the previous entry of the same stream in this log, null for the first, so each stream is a
 * chain of its own inside the tree. Data holds commitments and random subject ids only; nothing is opened here.
 */
export const leafOf = (event: LoggedEvent, logId: string, prev: Uint8Array | null): Leaf =>
  leafAround(canonicalJson(event.data), event, { logId, prev })

/** The same leaf of an event whose data nobody has parsed, which is most of the time that it takes. */
export const leafOfUnparsed = (event: UnparsedEvent, logId: string, prev: Uint8Array | null): Leaf =>
  leafAround(canonicalText(event.dataText), event, { logId, prev })

const leafAround = (
  data: string,
  event: Omit<LoggedEvent, 'data'>,
  { logId, prev }: { readonly logId: string; readonly prev: Uint8Array | null },
): Leaf => {
  // Only data can hold members in any order: the frame is written in canonical order by hand, which halves the time.
  const text =
    `{"data":${data},"id":${quoted(event.eventId)},"kind":${quoted(event.kind)}` +
    `,"log":${quoted(logId)},"prev":${prev === null ? 'null' : quoted(digestOf(prev))}` +
    `,"recordedAt":${quoted(event.recordedAt)},"stream":${quoted(event.streamId)},"type":${quoted(event.wireType)}` +
    `,"v":1,"version":${event.version}}`
  const bytes = Buffer.from(text)
  return { bytes, hash: leafHash(bytes) }
}

/** What a leaf says: its event, but for the tenant, whose log it is in. */
export type LeafEvent = Omit<LoggedEvent, 'tenantId'>

/** Reads an event back out of its leaf; `undefined` for bytes that `leafOf` did not write. */
export const eventInLeaf = (bytes: Uint8Array): LeafEvent | undefined => {
  const leaf = members(bytes)
  if (leaf?.['v'] !== 1) return undefined
  const { id, type, kind, stream, version, recordedAt, data } = leaf
  const isWhole =
    [id, type, kind, stream, recordedAt].every((text) => typeof text === 'string') && typeof version === 'number'
  return isWhole
    ? ({ eventId: id, wireType: type, kind, streamId: stream, version, recordedAt, data } as LeafEvent)
    : undefined
}

const members = (bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** `sha256:<hex>` of a hash of the tree. */
export const digestOf = (hash: Uint8Array): string => `sha256:${Buffer.from(hash).toString('hex')}`

const quoted = (text: string): string => JSON.stringify(text)
