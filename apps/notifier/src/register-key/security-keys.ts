import type { Transaction } from '@countersign/event-store'
import type pg from 'pg'

/** A key that a person registered. The private half never left their authenticator. */
export type SecurityKey = {
  readonly keyId: string
  /** Base64url, as the authenticator gave it. */
  readonly credentialId: string
  /** COSE. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** Signatures so far, where the authenticator counts them. */
  readonly counter: number
  readonly transports: string[]
  readonly registeredAt: string
}

export type KeyOwner = { readonly tenantId: string; readonly person: string }

type Row = {
  key_id: string
  credential_id: string
  public_key: Buffer
  counter: string
  transports: string[]
  registered_at: Date
}

/** The keys that a person has, oldest first. */
export const keysOf = async (pool: pg.Pool, { tenantId, person }: KeyOwner): Promise<SecurityKey[]> => {
  const { rows } = await pool.query<Row>(
    `select key_id, credential_id, public_key, counter, transports, registered_at from notifier.security_key
     where tenant_id = $1 and person = $2 and removed_at is null order by registered_at, key_id`,
    [tenantId, person],
  )
  return rows.map((row) => ({
    keyId: row.key_id,
    credentialId: row.credential_id,
    publicKey: Uint8Array.from(row.public_key),
    counter: Number(row.counter),
    transports: row.transports,
    registeredAt: row.registered_at.toISOString(),
  }))
}

/** Writes a key; one whose id is known already, of whomever, fails with a unique violation. */
export const writeKey = async (
  tx: Transaction,
  { tenantId, person }: KeyOwner,
  key: Omit<SecurityKey, 'registeredAt'>,
): Promise<void> => {
  await tx.query(
    `insert into notifier.security_key (credential_id, key_id, tenant_id, person, public_key, counter, transports)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [key.credentialId, key.keyId, tenantId, person, Buffer.from(key.publicKey), key.counter, key.transports],
  )
}

/** Takes a key away from its person; false when it is not theirs, or was taken away before. */
export const removeKey = async (
  tx: Transaction,
  { tenantId, person, keyId }: KeyOwner & { readonly keyId: string },
): Promise<boolean> => {
  const { rowCount } = await tx.query(
    `update notifier.security_key set removed_at = clock_timestamp()
     where tenant_id = $1 and person = $2 and key_id = $3 and removed_at is null`,
    [tenantId, person, keyId],
  )
  return rowCount === 1
}

export const hasKey = async (
  tx: Transaction,
  { tenantId, person, keyId }: KeyOwner & { readonly keyId: string },
): Promise<boolean> => {
  const { rowCount } = await tx.query(
    'select from notifier.security_key where tenant_id = $1 and person = $2 and key_id = $3 and removed_at is null',
    [tenantId, person, keyId],
  )
  return rowCount === 1
}

/** Whether anybody has or had the key. */
export const isKeyKnown = async (tx: Transaction, credentialId: string): Promise<boolean> => {
  const { rowCount } = await tx.query('select from notifier.security_key where credential_id = $1', [credentialId])
  return rowCount === 1
}

/** Keeps how often a key has signed. False when another signature with as high a count was there before: a copy. */
export const countSignature = async (pool: pg.Pool, credentialId: string, counter: number): Promise<boolean> => {
  const { rowCount } = await pool.query(
    `update notifier.security_key set counter = $2
     where credential_id = $1 and removed_at is null and (counter < $2 or (counter = 0 and $2 = 0))`,
    [credentialId, counter],
  )
  return rowCount === 1
}
