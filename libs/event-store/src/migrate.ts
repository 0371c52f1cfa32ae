import 'reflect-metadata'
import type { Owner } from '@countersign/contracts'
import pg from 'pg'
import type { MigrationInterface } from 'typeorm'
import { ConfirmedAccounts1795334400002 } from './migrations/confirmed-accounts.ts'
import { CountedSeats1795338000000 } from './migrations/counted-seats.ts'
import { DirectoryFeeds1795330800004 } from './migrations/directory-feeds.ts'
import { EventsAsWritten1795356000000 } from './migrations/events-as-written.ts'
import { ExecutorKeys1795330800000 } from './migrations/executor-keys.ts'
import { FeedReviews1795330800005 } from './migrations/feed-reviews.ts'
import { FormerOwners1795327200000 } from './migrations/former-owners.ts'
import { FreezeEverything1795330800002 } from './migrations/freeze-everything.ts'
import { HeldInTurn1795352400000 } from './migrations/held-in-turn.ts'
import { HeldReviewers1795348800000 } from './migrations/held-reviewers.ts'
import { Initial1763683200000 } from './migrations/initial.ts'
import { LimitUses1795327200001 } from './migrations/limit-uses.ts'
import { LogRefusals1795341600000 } from './migrations/log-refusals.ts'
import { PersonKinds1795330800006 } from './migrations/person-kinds.ts'
import { PersonLinks1795334400000 } from './migrations/person-links.ts'
import { PlannedOnce1795334400001 } from './migrations/planned-once.ts'
import { ProgramsClients1795345200001 } from './migrations/programs-clients.ts'
import { RegisterReviews1795330800001 } from './migrations/register-reviews.ts'
import { StandingReviewers1795345200000 } from './migrations/standing-reviewers.ts'
import { StoreExtent1795305600001 } from './migrations/store-extent.ts'
import { StoreStanding1795305600000 } from './migrations/store-standing.ts'
import { SeatedBy1795334400003 } from './migrations/seated-by.ts'
import { roleOfOwner } from './roles.ts'

export type Migration = new () => MigrationInterface

/**
 * Runs the migrations of one schema as the owner, each in a transaction of its own, and creates the schema first.
 * Several callers at once take turns. Services use it for the tables of their own.
 */
export async function migrateSchema(options: {
  /** URL of the role `countersign_owner`. */
  readonly ownerUrl: string
  readonly schema: string
  readonly migrations: readonly Migration[]
}): Promise<void> {
  const lock = new pg.Client({ connectionString: options.ownerUrl })
  await lock.connect()
  try {
    await lock.query(`select pg_advisory_lock(hashtextextended('countersign.migrate', 0))`)
    await lock.query(`create schema if not exists ${lock.escapeIdentifier(options.schema)}`)
    // Loaded only here: services hold no migration, and it is a fifth of the code that they would load.
    const { DataSource } = await import('typeorm')
    const source = new DataSource({
      type: 'postgres',
      url: options.ownerUrl,
      schema: options.schema,
      entities: [],
      migrations: [...options.migrations],
      migrationsTableName: 'schema_migration',
      migrationsTransactionMode: 'each',
      synchronize: false,
      installExtensions: false,
    })
    await source.initialize()
    try {
      await source.runMigrations()
    } finally {
      await source.destroy()
    }
  } finally {
    await lock.end()
  }
}

/** Those of the store, in their order. */
export const storeMigrations: readonly Migration[] = [
  Initial1763683200000,
  StoreStanding1795305600000,
  StoreExtent1795305600001,
  FormerOwners1795327200000,
  LimitUses1795327200001,
  ExecutorKeys1795330800000,
  RegisterReviews1795330800001,
  FreezeEverything1795330800002,
  DirectoryFeeds1795330800004,
  FeedReviews1795330800005,
  PersonKinds1795330800006,
  PersonLinks1795334400000,
  PlannedOnce1795334400001,
  ConfirmedAccounts1795334400002,
  SeatedBy1795334400003,
  CountedSeats1795338000000,
  LogRefusals1795341600000,
  StandingReviewers1795345200000,
  ProgramsClients1795345200001,
  HeldReviewers1795348800000,
  HeldInTurn1795352400000,
  EventsAsWritten1795356000000,
]

/**
 * Brings the store's schema up to date: tables, functions, access rules, the owners of event types, the coming
 * months' partitions and, in a new store, its first incarnation. Needs `createRoles` before. Idempotent.
 */
export async function migrate(options: {
  readonly ownerUrl: string
  /** Wire types of the events that each service may append (`ownedTypes` of the catalogue). */
  readonly eventTypes: Readonly<Record<Owner, readonly string[]>>
}): Promise<void> {
  await migrateSchema({
    ownerUrl: options.ownerUrl,
    schema: 'countersign',
    migrations: storeMigrations,
  })
  const owners = Object.entries(options.eventTypes) as [Owner, readonly string[]][]
  const owned = owners.flatMap(([owner, types]) => types.map((type) => ({ type, role: roleOfOwner(owner) })))
  const client = new pg.Client({ connectionString: options.ownerUrl })
  await client.connect()
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('countersign.migrate', 0))`)
    await client.query(
      `insert into countersign.event_owner (type, role_name) select * from unnest($1::text[], $2::name[])
       on conflict (type) do update set role_name = excluded.role_name
       where event_owner.role_name <> excluded.role_name`,
      [owned.map((entry) => entry.type), owned.map((entry) => entry.role)],
    )
    await client.query('select countersign.ensure_partitions()')
    await client.query(
      'select countersign.open_incarnation() where not exists (select from countersign.store_incarnation)',
    )
  } finally {
    await client.end()
  }
}
