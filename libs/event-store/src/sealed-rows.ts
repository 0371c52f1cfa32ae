import type pg from 'pg'
import { askedTogether } from './asked-together.ts'
import { prepared } from './prepared.ts'
import { type Transaction, withTenants } from './transaction.ts'

export type StreamOfTenant = { readonly tenantId: string; readonly streamId: string }

/** A payload to seal for an intent. `purpose` is snake_case and tells what it is: parameters, rationale, logs. */
export type PayloadToSeal = StreamOfTenant & {
  readonly sealedId: string
  readonly purpose: string
  readonly plaintext: Uint8Array
}

/** Encrypted payloads that still have to be written. */
export type SealedBatch = {
  readonly rows: readonly (Omit<PayloadToSeal, 'plaintext'> & {
    readonly keyId: string
    readonly nonce: Buffer
    readonly ciphertext: Buffer
  })[]
  readonly newKeys: readonly (StreamOfTenant & { readonly keyId: string; readonly wrapped: Buffer })[]
}

/** A sealed payload as it is stored; `wrapped` is null when its key was destroyed. */
export type SealedRow = {
  sealed_id: string
  tenant_id: string
  stream_id: string
  purpose: string
  key_id: string
  nonce: Buffer
  ciphertext: Buffer
  wrapped: Buffer | null
}

/** Wrapped keys of intents, in a transaction of their tenants. */
export async function readIntentKeys(pool: pg.Pool, streams: readonly StreamOfTenant[]) {
  return withTenants(
    pool,
    streams.map((stream) => stream.tenantId),
    async (tx) => {
      const { rows } = await tx.query<{ tenant_id: string; stream_id: string; key_id: string; wrapped: Buffer }>(
        'select tenant_id, stream_id, key_id, wrapped from countersign.intent_key where stream_id = any ($1::uuid[])',
        [streams.map((stream) => stream.streamId)],
      )
      return rows.map((row) => ({
        tenantId: row.tenant_id,
        streamId: row.stream_id,
        keyId: row.key_id,
        wrapped: row.wrapped,
      }))
    },
  )
}

/** Sealed payloads by id, in the order asked; undefined where there is none. */
export const selectSealed = askedTogether(
  async (tx, sealedIds: readonly string[]): Promise<(SealedRow | undefined)[]> => {
    const { rows } = await tx.query<SealedRow>(
      prepared(
        `select s.sealed_id, s.tenant_id, s.stream_id, s.purpose, s.key_id, s.nonce, s.ciphertext, k.wrapped
     from countersign.sealed s
     left join countersign.intent_key k on k.stream_id = s.stream_id and k.key_id = s.key_id
     where s.sealed_id = any ($1::uuid[])`,
        [sealedIds],
      ),
    )
    const found = new Map(rows.map((row) => [row.sealed_id, row]))
    return sealedIds.map((sealedId) => found.get(sealedId))
  },
)

/** Writes payloads and new keys; false when a key is not, or no longer, the one that payloads of one of the batches were sealed with. */
export const insertSealed = askedTogether(async (tx, batches: readonly SealedBatch[]): Promise<boolean[]> => {
  const isWritten = await insertAll(tx, {
    rows: batches.flatMap(({ rows }) => rows),
    newKeys: batches.flatMap(({ newKeys }) => newKeys),
  })
  return batches.map(() => isWritten)
})

async function insertAll(tx: Transaction, { rows, newKeys }: SealedBatch): Promise<boolean> {
  if (newKeys.length > 0) {
    const made = await tx.query(
      prepared(
        `insert into countersign.intent_key (tenant_id, stream_id, key_id, wrapped)
       select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[]) on conflict do nothing`,
        [
          newKeys.map((key) => key.tenantId),
          newKeys.map((key) => key.streamId),
          newKeys.map((key) => key.keyId),
          newKeys.map((key) => key.wrapped),
        ],
      ),
    )
    if (made.rowCount !== newKeys.length) return false
  }
  if (rows.length === 0) return true
  const written = await tx.query(
    prepared(
      `insert into countersign.sealed (tenant_id, stream_id, sealed_id, purpose, key_id, nonce, ciphertext)
     select s.tenant_id, s.stream_id, s.sealed_id, s.purpose, s.key_id, s.nonce, s.ciphertext
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bytea[], $7::bytea[])
       as s(tenant_id, stream_id, sealed_id, purpose, key_id, nonce, ciphertext)
     join countersign.intent_key k on k.stream_id = s.stream_id and k.key_id = s.key_id`,
      [
        rows.map((row) => row.tenantId),
        rows.map((row) => row.streamId),
        rows.map((row) => row.sealedId),
        rows.map((row) => row.purpose),
        rows.map((row) => row.keyId),
        rows.map((row) => row.nonce),
        rows.map((row) => row.ciphertext),
      ],
    ),
  )
  return written.rowCount === rows.length
}
