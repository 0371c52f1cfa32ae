import type { DeliveredRecord } from '@countersign/bus'
import { maxSealedBytes, newId, type Keyring, type PayloadToSeal, type SealedBatch } from '@countersign/event-store'
import type { Quarantined } from './quarantined-rows.ts'

/** Purposes of what a quarantined record seals. */
const bytesPurpose = 'quarantined_bytes'
const headPurpose = 'quarantined_head'

const longestKey = 8_192

/** What else is needed to take a quarantined record again. No other header is ever acted on, so none is kept. */
export type QuarantinedHead = { readonly key: string | null; readonly contentType: string | null }

/** A record on its way into quarantine. */
export type RecordToSeal = {
  readonly tenantId: string
  readonly producer: string
  readonly group: string
  readonly reason: string
  readonly digest: string | null
  readonly delivered: DeliveredRecord
}

const headOf = ({ key, headers }: DeliveredRecord): QuarantinedHead => ({
  key: key !== null && Buffer.byteLength(key) <= longestKey ? key : null,
  contentType: headers['content-type']?.slice(0, 256) ?? null,
})

/**
 * Seals records whole under the tenant's key, each with a key of its own. One that is larger than what can be sealed, or has
 * no value, is kept by hash and coordinates only, which its row says.
 */
export const sealRecords = async (
  keyring: Keyring,
  records: readonly RecordToSeal[],
): Promise<{ rows: Quarantined[]; sealed: SealedBatch }> => {
  const payloads: PayloadToSeal[] = []
  const rows = records.map(({ delivered, digest, ...record }): Quarantined => {
    const { topic, position, value, timestamp } = delivered
    const quarantineId = newId()
    const isKept = value !== null && value.length > 0 && value.length <= maxSealedBytes
    const sealedId = isKept ? newId() : null
    const sealedHeadId = isKept ? newId() : null
    const stream = { tenantId: record.tenantId, streamId: quarantineId }
    if (isKept && sealedId !== null && sealedHeadId !== null) {
      const head = Buffer.from(JSON.stringify(headOf(delivered)))
      payloads.push({ ...stream, sealedId, purpose: bytesPurpose, plaintext: value })
      payloads.push({ ...stream, sealedId: sealedHeadId, purpose: headPurpose, plaintext: head })
    }
    return {
      ...record,
      quarantineId,
      topic,
      position,
      hash: digest,
      bytes: value?.length ?? 0,
      sealedId,
      sealedHeadId,
      publishedAt: timestamp,
    }
  })
  return { rows, sealed: await keyring.sealBatch(payloads, { newStreams: payloads }) }
}
