/** Largest entry that a bundle can carry, in bytes: its length prefix has 16 bits. */
export const MAX_ENTRY_BYTES = 65_535

const PREFIX_BYTES = 2

/**
 * Entry bundle: each entry behind its length as a big-endian uint16 (c2sp.org/tlog-tiles).
 * @throws RangeError when an entry is larger than 65,535 bytes
 */
export const encodeEntryBundle = (entries: readonly Uint8Array[]): Buffer => {
  const bundle = Buffer.alloc(entries.reduce((sum, entry) => sum + PREFIX_BYTES + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_BYTES) throw new RangeError('a log entry is at most 65,535 bytes')
    at = bundle.writeUInt16BE(entry.length, at)
    bundle.set(entry, at)
    at += entry.length
  }
  return bundle
}

/** The entries of a bundle as views, or `undefined` when the last one is cut short. */
export const decodeEntryBundle = (bundle: Uint8Array): Uint8Array[] | undefined => {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bundle.length) {
    const start = at + PREFIX_BYTES
    const end = start + (bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0)
    if (start > bundle.length || end > bundle.length) return undefined
    entries.push(bundle.subarray(start, end))
    at = end
  }
  return entries
}
