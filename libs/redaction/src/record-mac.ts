import { createHmac, timingSafeEqual } from 'node:crypto'
import { framed } from './framing.ts'
import { macKey } from './mac-key.ts'

/** The parts of a bus record that its MAC covers. */
export interface MacRecord {
  readonly topic: string
  readonly key: string
  readonly value: Uint8Array
}

export type RecordMac = `hmac-sha256:${string}`

/**
 * Authenticates a bus record: HMAC-SHA256 under a key of at least 32 bytes over topic, key and value bytes. Each part
 * carries its length, so no byte can move from one part to its neighbour.
 */
export function recordMac(macSecret: Uint8Array, record: MacRecord): RecordMac {
  const mac = createHmac('sha256', macKey(macSecret))
  for (const frame of framed(['countersign/record/v1', record.topic, record.key, record.value])) mac.update(frame)
  return `hmac-sha256:${mac.digest('hex')}`
}

/** Says whether a MAC belongs to the record, in time that does not depend on how much of it is right. */
export function verifyRecordMac(macSecret: Uint8Array, record: MacRecord, mac: string): boolean {
  const expected = Buffer.from(recordMac(macSecret, record))
  const given = Buffer.from(mac)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
