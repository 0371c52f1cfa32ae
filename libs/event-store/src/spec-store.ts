import { ownedTypes } from '@countersign/contracts'
import { freshDatabase } from '@countersign/spec-kit/postgres'
import pg from 'pg'
import { migrate } from './migrate.ts'
import { createRoles, type StoreRole, storeRoles } from './roles.ts'
import { newId } from './stream.ts'

// Roles belong to the server, and specs of several packages share it: everybody uses the same password.
const password = 'spec-store'
const services = ['intake', 'policy', 'notifier', 'ledger', 'lineage', 'relay'] as const

/** A migrated store in a database of its own, with one tenant. */
export type SpecStore = {
  readonly tenantId: string
  /** Connection URL of a role. */
  urlOf(role: StoreRole): string
  /** Connections of a role; the same pool each time. */
  poolOf(role: StoreRole): pg.Pool
  readonly superuserUrl: string
  /** Connections of the superuser, for what no service may do. */
  readonly superuser: pg.Pool
  /** Registers another tenant and returns its id. */
  addTenant(name: string): Promise<string>
  /** Ends every pool and drops the database. */
  drop(): Promise<void>
}

/** Creates roles, schema and one tenant in a fresh database, for the specs of whoever builds on the store. */
export async function freshStore(): Promise<SpecStore> {
  const database = await freshDatabase()
  const passwords = Object.fromEntries([...services, 'owner'].map((role) => [role, password])) as Record<
    StoreRole,
    string
  >
  await createRoles({ superuserUrl: database.url, passwords })
  const urlOf = (role: StoreRole) => database.urlFor(storeRoles[role], password)
  await migrate({
    ownerUrl: urlOf('owner'),
    eventTypes: { intake: ownedTypes('intake'), policy: ownedTypes('policy'), notifier: ownedTypes('notifier') },
  })
  const pools = new Map<StoreRole, pg.Pool>()
  const poolOf = (role: StoreRole) => {
    const pool = pools.get(role) ?? new pg.Pool({ connectionString: urlOf(role), max: 20 })
    pools.set(role, pool)
    return pool
  }
  const addTenant = async (name: string) => {
    const tenantId = newId()
    await database.pool.query('insert into countersign.tenant (tenant_id, name) values ($1, $2)', [tenantId, name])
    return tenantId
  }
  return {
    tenantId: await addTenant('spec'),
    urlOf,
    poolOf,
    superuserUrl: database.url,
    superuser: database.pool,
    addTenant,
    drop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()))
      await database.drop()
    },
  }
}
