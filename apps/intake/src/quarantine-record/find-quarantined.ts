import type { QuarantinedRecord } from '@countersign/contracts'
import { prepared, type Transaction } from '@countersign/event-store'

/** A record in quarantine with where its sealed parts are. */
export type FoundRecord = {
  readonly view: QuarantinedRecord
  readonly sealedId: string | null
  readonly sealedHeadId: string | null
}

/** Which records are looked for; a page begins behind `after`. */
export type QuarantineSearch = {
  readonly tenantId: string
  readonly quarantineId?: string | undefined
  readonly topic?: string | undefined
  readonly reason?: string | undefined
  /** Only those that still wait for an operator. */
  readonly isOpen: boolean
  readonly after?: string | undefined
  readonly limit: number
}

type Row = {
  quarantine_id: string
  producer: string
  topic: string
  position: string
  group_name: string
  reason: string
  bytes_digest: string | null
  byte_count: number
  sealed_id: string | null
  sealed_head_id: string | null
  published_at: Date
  quarantined_at: Date
  redrives: number
  redriven_outcome: 'taken' | 'refused' | 'quarantined' | null
}

/** Records of a tenant in the order of their ids, which is that of their quarantine to the millisecond. */
export const findQuarantined = async (tx: Transaction, search: QuarantineSearch): Promise<FoundRecord[]> => {
  const { tenantId, quarantineId, topic, reason, isOpen, after, limit } = search
  const { rows } = await tx.query<Row>(
    prepared(
      `select * from intake.quarantined
     where tenant_id = $1 and ($2::uuid is null or quarantine_id = $2) and ($3::text is null or topic = $3)
       and ($4::text is null or reason = $4) and (redriven_at is null or not $5) and ($6::uuid is null or quarantine_id > $6)
     order by quarantine_id limit $7`,
      [tenantId, quarantineId ?? null, topic ?? null, reason ?? null, isOpen, after ?? null, limit],
    ),
  )
  return rows.map((row) => ({
    view: {
      quarantineId: row.quarantine_id,
      producer: row.producer,
      topic: row.topic,
      position: row.position,
      group: row.group_name,
      reason: row.reason,
      hash: row.bytes_digest,
      bytes: row.byte_count,
      kept: row.sealed_id !== null,
      publishedAt: row.published_at.toISOString(),
      quarantinedAt: row.quarantined_at.toISOString(),
      redrives: row.redrives,
      ...(row.redriven_outcome === null ? {} : { outcome: row.redriven_outcome }),
    },
    sealedId: row.sealed_id,
    sealedHeadId: row.sealed_head_id,
  }))
}
