import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { orderedCopy, unsuited } from './ordered-copy.ts'

/** `sha256:` and 64 lower-case hex digits. */
export type Sha256Digest = `sha256:${string}`

/**
 * Writes a JSON value in the canonical form of RFC 8785 (JCS). Members that are undefined are left out, as they are in
 * storage. Throws a TypeError for what JSON cannot hold (undefined, NaN, Infinity, a lone surrogate, a cycle).
 */
export function canonicalJson(value: unknown): string {
  // The quicker way for what comes out of storage: every event passes through here on its way into the ledger.
  const ordered = orderedCopy(value)
  if (ordered !== unsuited) {
    const written = JSON.stringify(ordered)
    // Perhaps the escape of a lone surrogate, which has no canonical form.
    if (!written.includes('\\ud')) return written
  }
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch {
    // The cause is dropped: its message could quote the value.
    throw new TypeError('value has no canonical JSON form')
  }
  if (text === undefined) throw new TypeError('value has no canonical JSON form')
  return text
}

/** SHA-256 of bytes, or of the UTF-8 form of a well-formed string, as `sha256:<hex>`. */
export function sha256(content: Uint8Array | string): Sha256Digest {
  // A lone surrogate would be encoded as U+FFFD: two strings, one digest.
  if (typeof content === 'string' && !content.isWellFormed()) throw new TypeError('string has a lone surrogate')
  return `sha256:${hash('sha256', content, 'hex')}`
}
