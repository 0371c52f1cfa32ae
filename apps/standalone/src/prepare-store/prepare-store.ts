import { migrateBus } from '@countersign/bus'
import { ownedTypes } from '@countersign/contracts'
import type { EmbeddedPostgres } from '@countersign/embedded-postgres'
import { createRoles, migrate, storeRoles } from '@countersign/event-store'
import { migrateIntake } from '@countersign/intake'
import { migrateLedger } from '@countersign/ledger'
import { migrateLineage } from '@countersign/lineage-projector'
import { migrateNotifier } from '@countersign/notifier'
import { migratePolicy } from '@countersign/policy'
import { migrateRelay } from '@countersign/relay'
import pg from 'pg'
import { roles, type Role, type Secrets } from '../open-data-dir/open-data-dir.ts'

/** Where the database is, for its superuser and for each role. */
export type StoreUrls = { readonly superuser: string; readonly of: (role: Role) => string }

const withDatabase = (url: string, name: string): string => {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

const createDatabase = async (superuserUrl: string): Promise<void> => {
  const name = decodeURIComponent(new URL(superuserUrl).pathname.slice(1))
  const client = new pg.Client({ connectionString: withDatabase(superuserUrl, 'postgres') })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}

/** The superuser's URL of the database of an embedded server. */
export const superuserUrlOf = ({ host, port, superuser, superuserPassword }: EmbeddedPostgres): string =>
  `postgres://${encodeURIComponent(superuser)}:${encodeURIComponent(superuserPassword)}@${host}:${port}/countersign`

/** Where each role finds the database that the superuser's URL names. */
export const storeUrls = (superuserUrl: string, { rolePasswords }: Pick<Secrets, 'rolePasswords'>): StoreUrls => ({
  superuser: superuserUrl,
  of: (role) => {
    const url = new URL(superuserUrl)
    url.username = storeRoles[role]
    url.password = encodeURIComponent(rolePasswords[role])
    return url.href
  },
})

/** Creates database and roles if they are missing and brings every schema up to date, as the owner. Idempotent. */
export const prepareStore = async (
  superuserUrl: string,
  secrets: Pick<Secrets, 'rolePasswords'>,
): Promise<StoreUrls> => {
  const urls = storeUrls(superuserUrl, secrets)
  await createDatabase(superuserUrl)
  await createRoles({ superuserUrl: urls.superuser, passwords: secrets.rolePasswords })
  const ownerUrl = urls.of('owner')
  await migrate({
    ownerUrl,
    eventTypes: { intake: ownedTypes('intake'), policy: ownedTypes('policy'), notifier: ownedTypes('notifier') },
  })
  await migrateIntake(ownerUrl)
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
