import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** A producer's own id for a request: unique per tenant and producer. */
export type IdempotencyKey = { readonly tenantId: string; readonly producer: string; readonly key: string }

/** The request that a key stands for: the same key with another fingerprint is a conflict of ids. */
export type KeyedRequest = IdempotencyKey & { readonly fingerprint: string; readonly intentId: string }

/** Name of a key in the map that `findIdempotencyKeys` answers. */
export const idempotencyKeyName = ({ tenantId, producer, key }: IdempotencyKey): string =>
  JSON.stringify([tenantId, producer, key])

/** Finds the requests that keys already stand for, in one round trip. */
export async function findIdempotencyKeys(
  tx: Transaction,
  keys: readonly IdempotencyKey[],
): Promise<Map<string, KeyedRequest>> {
  const { rows } = await tx.query<{
    tenant_id: string
    producer: string
    key: string
    fingerprint: string
    intent_id: string
  }>(
    prepared(
      `select k.tenant_id, k.producer, k.key, k.fingerprint, k.intent_id
     from unnest($1::uuid[], $2::text[], $3::text[]) as wanted(tenant_id, producer, key)
     cross join lateral (select * from countersign.idempotency_key i
       where i.tenant_id = wanted.tenant_id and i.producer = wanted.producer and i.key = wanted.key offset 0) as k`,
      [keys.map((key) => key.tenantId), keys.map((key) => key.producer), keys.map((key) => key.key)],
    ),
  )
  return new Map(
    rows.map((row) => {
      const request = {
        tenantId: row.tenant_id,
        producer: row.producer,
        key: row.key,
        fingerprint: row.fingerprint,
        intentId: row.intent_id,
      }
      return [idempotencyKeyName(request), request]
    }),
  )
}

/**
 * Reserves keys, after the append of their intents. Fails with a unique violation when another transaction was first;
 * in a new transaction `findIdempotencyKeys` finds its request (the store's `execute` starts over by itself).
 */
export async function reserveIdempotencyKeys(tx: Transaction, requests: readonly KeyedRequest[]): Promise<void> {
  if (requests.length === 0) return
  await tx.query(
    prepared(
      `insert into countersign.idempotency_key (tenant_id, producer, key, fingerprint, intent_id)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) order by 1, 2, 3`,
      [
        requests.map((request) => request.tenantId),
        requests.map((request) => request.producer),
        requests.map((request) => request.key),
        requests.map((request) => request.fingerprint),
        requests.map((request) => request.intentId),
      ],
    ),
  )
}
