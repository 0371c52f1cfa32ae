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

/**
 * The records that announce quarantined ones, under the original keys. Bytes are sealed first, so that an announced
 * reference always resolves. Announcing twice is possible: topic, position and group name the record.
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
    const hash = value === null ? null : `sha256:${createHash('sha256').update(value).digest('hex')}`
    const notice: QuarantineNotice = { hash, topic, position, group, reason, publishedAt: record.timestamp, sealed }
    records.push({
      topic: topics.quarantine,
      key: record.key,
      value: Buffer.from(JSON.stringify(notice)),
      headers: { 'content-type': 'application/json' },
    })
  }
  return records
}
