import { hash, timingSafeEqual } from 'node:crypto'
import { macKey } from './mac-key.ts'

/** The parts of a bus record that its MAC covers. */
export interface MacRecord {
  readonly topic: string
  readonly key: string
  readonly value: Uint8Array
}

export type RecordMac = `hmac-sha256:${string}`

/** Bytes that SHA-256 takes at a time, and of its digest. */
const BLOCK = 64
const DIGEST = 32
const PREFIX = 'hmac-sha256:'
const DOMAIN = 'countersign/record/v1'

// HMAC by its definition (RFC 2104 §2) over one-shot hashes: Node's Hmac object costs many times as much for a record of
// a kilobyte, and this runs for each record that is published or read. Digests are taken as text because Node makes a
// string faster than a buffer. Everything is synchronous, so one buffer of each kind serves all calls.
let inner = Buffer.alloc(4_096)
const outer = Buffer.alloc(BLOCK + DIGEST)
const expected = Buffer.alloc(PREFIX.length + 2 * DIGEST)
const given = Buffer.alloc(expected.length)

/**
 * Authenticates a bus record: HMAC-SHA256 under a key of at least 32 bytes over topic, key and value bytes. Each part
 * carries its length, so no byte can move from one part to its neighbour.
 */
export function recordMac(macSecret: Uint8Array, { topic, key, value }: MacRecord): RecordMac {
  const secret = macKey(macSecret)
  const padded = secret.length > BLOCK ? hash('sha256', secret, 'buffer') : secret
  // UTF-8 takes at most three bytes for each UTF-16 unit.
  const most = BLOCK + 4 * 4 + DOMAIN.length + 3 * (topic.length + key.length) + value.length
  if (inner.length < most) inner = Buffer.alloc(2 * most)
  for (let at = 0; at < BLOCK; at += 1) {
    const byte = padded[at] ?? 0
    inner[at] = byte ^ 0x36
    outer[at] = byte ^ 0x5c
  }
  let end = writeText(BLOCK, DOMAIN)
  end = writeText(end, topic)
  end = writeText(end, key)
  end = inner.writeUInt32BE(value.length, end)
  inner.set(value, end)
  outer.write(hash('sha256', inner.subarray(0, end + value.length), 'binary'), BLOCK, 'latin1')
  return `${PREFIX}${hash('sha256', outer, 'hex')}`
}

/** Says whether a MAC belongs to the record, in time that does not depend on how much of it is right. */
export function verifyRecordMac(macSecret: Uint8Array, record: MacRecord, mac: string): boolean {
  if (mac.length !== expected.length) return false
  expected.write(recordMac(macSecret, record), 'latin1')
  // As UTF-8, so that no character but the right one gives its byte; fewer bytes would leave some of the call before.
  return given.write(mac, 'utf8') === given.length && timingSafeEqual(given, expected)
}

/** Writes a text behind its byte length (32 bit, big endian); answers where it ends. */
const writeText = (at: number, text: string): number => {
  if (!text.isWellFormed()) throw new TypeError('string has a lone surrogate')
  const bytes = inner.write(text, at + 4)
  return inner.writeUInt32BE(bytes, at) + bytes
}
