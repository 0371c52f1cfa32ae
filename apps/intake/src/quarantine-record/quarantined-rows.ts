import { prepared, type Transaction } from '@countersign/event-store'

/** A record in quarantine, without its bytes. */
export type Quarantined = {
  readonly quarantineId: string
  readonly tenantId: string
  readonly producer: string
  readonly topic: string
  readonly position: string
  readonly group: string
  readonly reason: string
  /** `sha256:<hex>` of the value; null when it had none. */
  readonly hash: string | null
  readonly bytes: number
  /** Where the value is sealed; null when it was not kept. */
  readonly sealedId: string | null
  /** Where key and content type are sealed. */
  readonly sealedHeadId: string | null
  readonly publishedAt: string
}

/** What one producer may have sealed and open in quarantine; beyond that only hash and coordinates are kept. */
export const mostKept = { records: 10_000, bytes: 64 * 1024 * 1024 } as const

/** How much of a producer's records is sealed in quarantine and waits for an operator. */
export const keptOf = async (
  tx: Transaction,
  { tenantId, producer }: { readonly tenantId: string; readonly producer: string },
): Promise<{ readonly records: number; readonly bytes: number }> => {
  const { rows } = await tx.query<{ records: string; bytes: string | null }>(
    prepared(
      `select count(*) as records, sum(byte_count) as bytes from intake.quarantined
     where tenant_id = $1 and producer = $2 and sealed_id is not null and redriven_at is null`,
      [tenantId, producer],
    ),
  )
  return { records: Number(rows[0]?.records ?? 0), bytes: Number(rows[0]?.bytes ?? 0) }
}

/** Adds records to the quarantine in the transaction of their events. */
export const addQuarantined = async (tx: Transaction, records: readonly Quarantined[]): Promise<void> => {
  if (records.length === 0) return
  await tx.query(
    prepared(
      `insert into intake.quarantined (quarantine_id, tenant_id, producer, topic, position, group_name, reason,
       bytes_digest, byte_count, sealed_id, sealed_head_id, published_at)
     select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::integer[], $10::uuid[], $11::uuid[], $12::timestamptz[])`,
      [
        records.map((one) => one.quarantineId),
        records.map((one) => one.tenantId),
        records.map((one) => one.producer),
        records.map((one) => one.topic),
        records.map((one) => one.position),
        records.map((one) => one.group),
        records.map((one) => one.reason),
        records.map((one) => one.hash),
        records.map((one) => one.bytes),
        records.map((one) => one.sealedId),
        records.map((one) => one.sealedHeadId),
        records.map((one) => one.publishedAt),
      ],
    ),
  )
}

/** Id under which a record is in quarantine; undefined when it is not there. */
export const quarantineIdOf = async (
  tx: Transaction,
  { topic, position, hash }: Pick<Quarantined, 'topic' | 'position' | 'hash'>,
): Promise<string | undefined> => {
  const { rows } = await tx.query<{ quarantine_id: string }>(
    prepared(
      `select quarantine_id from intake.quarantined
     where topic = $1 and position = $2 and bytes_digest is not distinct from $3`,
      [topic, position, hash],
    ),
  )
  return rows[0]?.quarantine_id
}
