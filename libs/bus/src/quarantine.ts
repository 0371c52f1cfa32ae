import { createHash } from 'node:crypto'
import { topics } from '@countersign/contracts'
import type { OutboundRecord, SubscribeOptions } from './bus.ts'
import type { SetAside } from './settle.ts'

/** Value of a record on `countersign.quarantine.v1`, as JSON. It never holds the bytes themselves. */
export interface QuarantineNotice {
  /** `sha256:<hex>` of the quarantined value; null when the record had none. */
  readonly hash: string | null
  readonly topic: string
  readonly position: string
  readonly group: string
  readonly reason: string
  /** When the bus took the quarantined record. */
  readonly publishedAt: string
  /** Reference to the sealed bytes; null when the consumer may not seal. */
  readonly sealed: string | null
}

/** A longer key could make the announcement larger than any topic takes. */
const longestKey = 1_024

const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** What an announcement is ordered with: the key, or the hash of a long one. */
const keyOf = (key: string | null): string | null =>
  key !== null && Buffer.byteLength(key) > longestKey ? sha256(key) : key

/**
 * The records that announce quarantined ones, under the original keys, or the hashes of very long ones. Bytes are
 * sealed first, so that an announced reference always resolves. Announcing twice is possible: topic, position and group
 * name the record. A batch that nobody can read is one record, at the position of its last.
 */
export const announceQuarantined = async (
  quarantined: readonly SetAside[],
  { group, sealQuarantined }: Pick<SubscribeOptions, 'group' | 'sealQuarantined'>,
): Promise<OutboundRecord[]> => {
  const records: OutboundRecord[] = []
  for (const { record, reason } of quarantined) {
    const { topic, position, value } = record
    const sealed =
      value === null ? null : ((await sealQuarantined?.(value, { topic, position, group, reason })) ?? null)
    const hash = value === null ? null : sha256(value)
    const notice: QuarantineNotice = { hash, topic, position, group, reason, publishedAt: record.timestamp, sealed }
    records.push({
      topic: topics.quarantine,
      key: keyOf(record.key),
      value: Buffer.from(JSON.stringify(notice)),
      headers: { 'content-type': 'application/json' },
    })
  }
  return records
}
