import { isUtf8 } from 'node:buffer'
import { JsonScan, type JsonLimits, type JsonRefusal } from './json-scan.ts'
import type { JsonObject } from './json-value.ts'

/** The bounds that apply where a caller names none. */
export const DEFAULT_JSON_LIMITS: JsonLimits = {
  bodyBytes: 64 * 1024,
  depth: 32,
  keys: 1_000,
  keyLength: 128,
  arrayLength: 1_000,
  stringBytes: 8 * 1024,
  stringBytesUnder: {},
}

export type StrictJsonResult = { readonly ok: true; readonly value: JsonObject } | JsonRefusal

// UTF-8, UTF-16BE and UTF-16LE (RFC 8259 §8.1 forbids adding one).
const BYTE_ORDER_MARKS = [
  [0xef, 0xbb, 0xbf],
  [0xfe, 0xff],
  [0xff, 0xfe],
]

// A bound that is missing or not a number would compare as "no bound", so it falls back to the default.
function boundsOf(limits: Partial<JsonLimits>): JsonLimits {
  const bound = (name: Exclude<keyof JsonLimits, 'stringBytesUnder'>): number => {
    const given = limits[name]
    return given !== undefined && given >= 0 ? given : DEFAULT_JSON_LIMITS[name]
  }
  return {
    bodyBytes: bound('bodyBytes'),
    depth: bound('depth'),
    keys: bound('keys'),
    keyLength: bound('keyLength'),
    arrayLength: bound('arrayLength'),
    stringBytes: bound('stringBytes'),
    stringBytesUnder: limits.stringBytesUnder ?? {},
  }
}

/**
 * Reads one JSON object (RFC 8259) from bytes and refuses whatever two readers could understand differently: bad
 * UTF-8, duplicate keys, lone surrogates, U+0000, -0, numbers that a double cannot keep, keys that reach a prototype,
 * and bodies beyond the limits. All of that is decided before the parser runs, in time linear in the size.
 *
 * A refusal names a stable code and, where there is one, the JSON pointer of the place; it never carries a value.
 * The accepted value is exactly what JSON.parse returns for the same bytes.
 */
export function parseStrictJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): StrictJsonResult {
  const bounds = boundsOf(limits)
  if (bytes.length > bounds.bodyBytes) return { ok: false, code: 'body_too_large' }
  if (BYTE_ORDER_MARKS.some((mark) => mark.every((byte, index) => bytes[index] === byte))) {
    return { ok: false, code: 'bom_not_allowed' }
  }
  if (!isUtf8(bytes)) return { ok: false, code: 'invalid_utf8' }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const refusal = new JsonScan(text, bounds).firstRefusal()
  if (refusal !== undefined) return refusal
  return { ok: true, value: JSON.parse(text) as JsonObject }
}
