import { createSecretKey, type KeyObject } from 'node:crypto'
import type pg from 'pg'
import { type DeploymentKey, newKey } from './deployment-key.ts'
import { KeyCache } from './key-cache.ts'
import { withTenants } from './transaction.ts'

/** The two keys of a tenant: one wraps its intents' keys, the other makes request fingerprints. */
export type TenantKeys = { readonly wrapping: KeyObject; readonly fingerprint: Uint8Array }

type Row = { tenant_id: string; wrapped: Buffer; fingerprint_wrapped: Buffer }

const wrappingContext = (tenantId: string) => `countersign tenant key ${tenantId}`
const fingerprintContext = (tenantId: string) => `countersign fingerprint key ${tenantId}`

/** Finds tenants' keys, making them for a tenant that has none yet. Nothing is unwrapped inside a transaction. */
export function tenantKeys(options: {
  readonly pool: pg.Pool
  readonly deploymentKey: DeploymentKey
  readonly keepMs: number
}) {
  const { pool, deploymentKey, keepMs } = options
  const cache = new KeyCache<TenantKeys>({ keepMs, max: 1_000 })

  const stored = (tenantIds: readonly string[]) =>
    withTenants(pool, tenantIds, async (tx) => {
      const { rows } = await tx.query<Row>(
        'select tenant_id, wrapped, fingerprint_wrapped from countersign.tenant_key where tenant_id = any ($1::uuid[])',
        [tenantIds],
      )
      return rows
    })

  // Two processes may make keys at once: the first one's stay, and the second reads them.
  async function make(tenantIds: readonly string[]): Promise<Row[]> {
    const wrapped = await Promise.all(tenantIds.map((id) => deploymentKey.wrap(newKey(), wrappingContext(id))))
    const fingerprints = await Promise.all(tenantIds.map((id) => deploymentKey.wrap(newKey(), fingerprintContext(id))))
    await withTenants(pool, tenantIds, (tx) =>
      tx.query(
        `insert into countersign.tenant_key (tenant_id, wrapped, fingerprint_wrapped)
         select * from unnest($1::uuid[], $2::bytea[], $3::bytea[]) order by 1 on conflict do nothing`,
        [tenantIds, wrapped, fingerprints],
      ),
    )
    return stored(tenantIds)
  }

  return async (wanted: Iterable<string>): Promise<Map<string, TenantKeys>> => {
    const tenantIds = [...new Set(wanted)]
    const missing = tenantIds.filter((id) => cache.get(id) === undefined)
    const found = new Map(tenantIds.map((id) => [id, cache.get(id)] as const))
    if (missing.length > 0) {
      const rows = await stored(missing)
      const known = new Set(rows.map((row) => row.tenant_id))
      const unknown = missing.filter((id) => !known.has(id))
      if (unknown.length > 0) rows.push(...(await make(unknown)))
      await Promise.all(
        rows.map(async (row) => {
          const keys = {
            wrapping: createSecretKey(await deploymentKey.unwrap(row.wrapped, wrappingContext(row.tenant_id))),
            // A copy, for what it is cut from would be kept as well.
            fingerprint: new Uint8Array(
              await deploymentKey.unwrap(row.fingerprint_wrapped, fingerprintContext(row.tenant_id)),
            ),
          }
          cache.set(row.tenant_id, keys)
          found.set(row.tenant_id, keys)
        }),
      )
    }
    return new Map(
      tenantIds.map((id) => {
        const keys = found.get(id)
        if (keys === undefined) throw new Error('a tenant has no keys')
        return [id, keys]
      }),
    )
  }
}
