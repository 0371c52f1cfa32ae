import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ownedTypes } from '@countersign/contracts'
import { type FreshDatabase, freshDatabase } from '@countersign/spec-kit/postgres'
import pg from 'pg'
import { markFolder } from './mark-folder.ts'
import { migrate, migrateSchema, type Migration, storeMigrations } from './migrate.ts'
import { createRoles, type StoreRole, storeRoles } from './roles.ts'
import { readStoreStanding } from './store-guard.ts'
import { storePool } from './store-pool.ts'
import { newId } from './stream.ts'

// Roles belong to the server, and specs of several packages share it: everybody uses the same password.
const password = 'spec-store'
const services = ['intake', 'policy', 'notifier', 'ledger', 'lineage', 'relay'] as const

/** A migrated store in a database of its own, with one tenant. */
export type SpecStore = {
  readonly tenantId: string
  /** Settings of a mark folder of its own, empty at first. */
  readonly markSettings: { readonly STORE_MARK_DIR: string; readonly STORE_MARK_KEY: string }
  /** Connection URL of a role. */
  urlOf(role: StoreRole): string
  /** Connections of a role; the same pool each time. */
  poolOf(role: StoreRole): pg.Pool
  readonly superuserUrl: string
  /** Connections of the superuser, for what no service may do. */
  readonly superuser: pg.Pool
  /** Registers another tenant and returns its id. */
  addTenant(name: string): Promise<string>
  /**
   * Makes the store look as if it had been set back: its mark is where it has never been, and every session of a service
   * ends. Answers how to undo it.
   */
  setBack(): Promise<() => Promise<void>>
  /**
   * Resolves when no transaction of the whole server, other specs' included, keeps readers of the gate from what was
   * appended until now.
   */
  gatePassed(): Promise<void>
  /** Ends every pool and drops the database. */
  drop(): Promise<void>
}

/** Resolves when the gate is open for every event of the store. */
export const gatePassed = async (superuser: pg.Pool): Promise<void> => {
  const waiting = 'select from countersign.event where xid >= pg_snapshot_xmin(pg_current_snapshot()) limit 1'
  while ((await superuser.query(waiting)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Creates the roles, and answers the URL of each. */
const withRoles = async (database: FreshDatabase): Promise<(role: StoreRole) => string> => {
  const passwords = Object.fromEntries([...services, 'owner'].map((role) => [role, password])) as Record<
    StoreRole,
    string
  >
  await createRoles({ superuserUrl: database.url, passwords })
  return (role) => database.urlFor(storeRoles[role], password)
}

/** A store as it was before a migration, empty, for the rows of then; `migrate` runs that migration and no later one. */
export async function storeBefore(migration: Migration): Promise<{
  readonly superuser: pg.Pool
  migrate(): Promise<void>
  drop(): Promise<void>
}> {
  const database = await freshDatabase()
  const urlOf = await withRoles(database)
  const place = storeMigrations.indexOf(migration)
  if (place < 0) throw new Error('the store has no such migration')
  const run = (count: number) =>
    migrateSchema({
      ownerUrl: urlOf('owner'),
      schema: 'countersign',
      migrations: storeMigrations.slice(0, count),
    })
  await run(place)
  return { superuser: database.pool, migrate: () => run(place + 1), drop: () => database.drop() }
}

/** Creates roles, schema and one tenant in a fresh database, for the specs of whoever builds on the store. */
export async function freshStore(): Promise<SpecStore> {
  const database = await freshDatabase()
  const urlOf = await withRoles(database)
  await migrate({
    ownerUrl: urlOf('owner'),
    eventTypes: { intake: ownedTypes('intake'), policy: ownedTypes('policy'), notifier: ownedTypes('notifier') },
  })
  const pools = new Map<StoreRole, pg.Pool>()
  const poolOf = (role: StoreRole) => {
    const known = pools.get(role)
    if (known !== undefined) return known
    const connections = { connectionString: urlOf(role), max: 20 }
    // As in the product.
    const pool = ['intake', 'policy', 'notifier', 'ledger', 'relay'].includes(role)
      ? storePool({ ...connections, applicationName: 'spec' })
      : new pg.Pool(connections)
    pool.on('error', () => undefined)
    pools.set(role, pool)
    return pool
  }
  const addTenant = async (name: string) => {
    const tenantId = newId()
    await database.pool.query('insert into countersign.tenant (tenant_id, name) values ($1, $2)', [tenantId, name])
    return tenantId
  }
  const markSettings = {
    STORE_MARK_DIR: await mkdtemp(join(tmpdir(), 'countersign-mark-')),
    STORE_MARK_KEY: randomBytes(32).toString('base64url'),
  }
  return {
    markSettings,
    tenantId: await addTenant('spec'),
    urlOf,
    poolOf,
    superuserUrl: database.url,
    superuser: database.pool,
    addTenant,
    gatePassed: () => gatePassed(database.pool),
    setBack: async () => {
      const marks = markFolder(markSettings.STORE_MARK_DIR, {
        key: Buffer.from(markSettings.STORE_MARK_KEY, 'base64url'),
        writer: 'spec',
      })
      const before = await marks.read()
      const { systemIdentifier, timeline } = await readStoreStanding(database.pool, undefined)
      await marks.replace({ incarnation: 9, xid: '0', position: 0, systemIdentifier, timeline })
      await database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename like 'countersign\\_%'`,
      )
      // A pool hands out a session that was ended until it has heard of that.
      for (const pool of pools.values()) while (pool.idleCount > 0) await delay(5)
      return async () => {
        if (before === undefined) await rm(markSettings.STORE_MARK_DIR, { recursive: true })
        else await marks.replace(before)
      }
    },
    drop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()))
      await database.drop()
      await rm(markSettings.STORE_MARK_DIR, { recursive: true, force: true })
    },
  }
}
