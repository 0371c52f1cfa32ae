import { migrateBus } from '@countersign/bus'
import { ownedTypes } from '@countersign/contracts'
import type { EmbeddedPostgres } from '@countersign/embedded-postgres'
import { createRoles, migrate, migrateSchema, storeRoles } from '@countersign/event-store'
import { IntakeInitial1763683200001 } from '@countersign/intake'
import { migrateLedger } from '@countersign/ledger'
import { migrateLineage } from '@countersign/lineage-projector'
import { migrateNotifier } from '@countersign/notifier'
import { migratePolicy } from '@countersign/policy'
import { migrateRelay } from '@countersign/relay'
import pg from 'pg'
import { roles, type Role, type Secrets } from '../open-data-dir/open-data-dir.ts'

const databaseName = 'countersign'

export type StoreUrls = { readonly superuser: string; readonly of: (role: Role) => string }

const urlOf = ({ host, port }: EmbeddedPostgres, user: string, password: string, database = databaseName): string =>
  `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${database}`

const createDatabase = async (server: EmbeddedPostgres): Promise<void> => {
  const client = new pg.Client({
    connectionString: urlOf(server, server.superuser, server.superuserPassword, 'postgres'),
  })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}

/** Where each role finds the database. */
export const storeUrls = (server: EmbeddedPostgres, { rolePasswords }: Secrets): StoreUrls => ({
  superuser: urlOf(server, server.superuser, server.superuserPassword),
  of: (role) => urlOf(server, storeRoles[role], rolePasswords[role]),
})

/** Creates database and roles if they are missing and brings every schema up to date, as the owner. Idempotent. */
export const prepareStore = async (server: EmbeddedPostgres, secrets: Secrets): Promise<StoreUrls> => {
  const urls = storeUrls(server, secrets)
  await createDatabase(server)
  await createRoles({ superuserUrl: urls.superuser, passwords: secrets.rolePasswords })
  const ownerUrl = urls.of('owner')
  await migrate({
    ownerUrl,
    eventTypes: { intake: ownedTypes('intake'), policy: ownedTypes('policy'), notifier: ownedTypes('notifier') },
  })
  await migrateSchema({ ownerUrl, schema: 'intake', migrations: [IntakeInitial1763683200001] })
  await migratePolicy(ownerUrl)
  await migrateNotifier(ownerUrl)
  await migrateLedger(ownerUrl)
  await migrateLineage(ownerUrl)
  await migrateRelay(ownerUrl)
  const owner = new pg.Client({ connectionString: ownerUrl })
  await owner.connect()
  try {
    const services = roles.filter((role) => role !== 'owner').map((role) => storeRoles[role])
    await migrateBus(owner, { services, operators: [storeRoles.owner] })
  } finally {
    await owner.end()
  }
  return urls
}
