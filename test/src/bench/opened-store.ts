import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@countersign/embedded-postgres'
import { storeRoles, type StoreRole } from '@countersign/event-store'
import pg from 'pg'

/** The data of a product that was stopped, with its PostgreSQL and nothing else running. */
export type OpenedStore = {
  readonly serverPid: number
  readonly version: string
  readonly tenantId: string
  readonly superuser: pg.Pool
  readonly superuserUrl: string
  readonly busMacKey: string
  urlOf(role: StoreRole): string
  poolOf(role: StoreRole): pg.Pool
  key(name: string): string
  close(): Promise<void>
}

/** Connections of each pool in the bench, the yardsticks' too. */
export const poolSize = 8

type Secrets = { readonly rolePasswords: Readonly<Record<string, string>>; readonly busMacKey: string }

/** A pool as all sides have one. */
export const connectedTo = (connectionString: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString, max: poolSize })
  // The server ends idle connections when it stops; whoever is using one hears of it at the query.
  pool.on('error', () => undefined)
  return pool
}

export const openStore = async (dataDir: string, tenantId: string): Promise<OpenedStore> => {
  const key = (name: string): string => join(dataDir, 'keys', name)
  const secrets = JSON.parse(await readFile(key('secrets.json'), 'utf8')) as Secrets
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') })
  const url = (user: string, password: string): string =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${server.host}:${server.port}/countersign`
  const urlOf = (role: StoreRole): string => url(storeRoles[role], secrets.rolePasswords[role] ?? '')
  const pools: pg.Pool[] = []
  const poolAt = (connectionString: string): pg.Pool => {
    const pool = connectedTo(connectionString)
    pools.push(pool)
    return pool
  }
  const superuserUrl = url(server.superuser, server.superuserPassword)
  const superuser = poolAt(superuserUrl)
  return {
    serverPid: server.serverPid,
    version: server.version,
    tenantId,
    superuser,
    superuserUrl,
    busMacKey: secrets.busMacKey,
    urlOf,
    key,
    poolOf: (role) => poolAt(urlOf(role)),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()))
      await server.stop()
    },
  }
}
