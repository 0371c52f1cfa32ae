import { createHash } from 'node:crypto'
import { framed } from './framing.ts'

/**
 * Derives a stable id from a name: a UUIDv8 (RFC 9562 §5.8) made of the first 122 free bits of SHA-256 over the
 * length-framed parts. Register streams take their id from it. Throws a RangeError without any part.
 */
export function nameId(...parts: string[]): string {
  if (parts.length === 0) throw new RangeError('a name has at least one part')
  const digest = createHash('sha256')
  for (const frame of framed(parts)) digest.update(frame)
  const bytes = digest.digest().subarray(0, 16)
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x80
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
