/** A row of `ledger.entry`. */
export interface EntryRow {
  readonly logId: string
  readonly index: number
  readonly eventId: string
  readonly kind: string
  readonly streamId: string
  readonly version: number
  readonly leafHash: Uint8Array
  readonly leaf: Uint8Array
}

/** What to copy with: the columns are those of `encodeEntries`, in its order. */
export const copyEntries =
  'copy ledger.entry (log_id, idx, event_id, kind, stream_id, version, leaf_hash, leaf) from stdin (format binary)'

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const HEADER_BYTES = SIGNATURE.length + 8
const TRAILER_BYTES = 2
const COLUMNS = 8
// Field count and eight lengths, then three uuids, two bigints and the hash; kind and leaf vary.
const FIXED_ROW_BYTES = 2 + COLUMNS * 4 + 3 * 16 + 2 * 8 + 32

/** Rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"). */
export const encodeEntries = (rows: readonly EntryRow[]): Buffer => {
  const varying = rows.reduce((sum, { kind, leaf }) => sum + Buffer.byteLength(kind) + leaf.length, 0)
  const out = Buffer.allocUnsafe(HEADER_BYTES + rows.length * FIXED_ROW_BYTES + varying + TRAILER_BYTES)
  SIGNATURE.copy(out)
  // No flags, no header extension.
  let at = out.writeInt32BE(0, out.writeInt32BE(0, SIGNATURE.length))

  const uuid = (text: string): void => {
    at = out.writeInt32BE(16, at)
    at = writeUuid(out, at, text)
  }
  const bigint = (value: number): void => {
    at = out.writeInt32BE(8, at)
    at = out.writeUInt32BE(Math.floor(value / 2 ** 32), at)
    at = out.writeUInt32BE(value % 2 ** 32, at)
  }
  const bytes = (value: Uint8Array): void => {
    at = out.writeInt32BE(value.length, at)
    out.set(value, at)
    at += value.length
  }
  for (const row of rows) {
    at = out.writeInt16BE(COLUMNS, at)
    uuid(row.logId)
    bigint(row.index)
    uuid(row.eventId)
    bytes(Buffer.from(row.kind))
    uuid(row.streamId)
    bigint(row.version)
    bytes(row.leafHash)
    bytes(row.leaf)
  }
  out.writeInt16BE(-1, at)
  return out
}

/** Value of each hexadecimal digit by its character; undefined for any other. */
const digits: readonly (number | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? undefined : value
})

/** Writes the 16 bytes of a UUID; answers where they end. Each entry has three, so no text is made on the way. */
const writeUuid = (out: Buffer, at: number, text: string): number => {
  let end = at
  for (let next = 0; next < text.length && end < at + 16; next += 2) {
    if (text[next] === '-') next += 1
    const [high, low] = [digits[text.charCodeAt(next)], digits[text.charCodeAt(next + 1)]]
    if (high === undefined || low === undefined) break
    out[end] = high * 16 + low
    end += 1
  }
  if (end !== at + 16 || text.length !== 36) throw new Error('an entry has an id that is not a UUID')
  return end
}
