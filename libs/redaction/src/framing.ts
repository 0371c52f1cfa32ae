/**
 * Yields each part behind its byte length (32 bit, big endian), so that two lists of parts never give the same bytes.
 * Throws a TypeError for a string with a lone surrogate, which UTF-8 cannot hold.
 */
export function* framed(parts: readonly (string | Uint8Array)[]): Generator<Uint8Array> {
  for (const part of parts) {
    if (typeof part === 'string' && !part.isWellFormed()) throw new TypeError('string has a lone surrogate')
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    yield length
    yield bytes
  }
}
