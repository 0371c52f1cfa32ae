import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findIdempotencyKeys, reserveIdempotencyKeys } from './idempotency-keys.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { storePool } from './store-pool.ts'
import { newId } from './stream.ts'
import { resolveSubjects, writeSubjects } from './subjects.ts'
import { type Transaction, withTenants } from './transaction.ts'

let spec: SpecStore
let pool: pg.Pool
beforeAll(async () => {
  spec = await freshStore()
  pool = storePool({ connectionString: spec.urlOf('intake'), max: 1, applicationName: 'spec' })
})
afterAll(async () => {
  await pool.end()
  await spec.drop()
})

/** Rows of a table that this transaction has read so far. */
const rowsRead = async (tx: Transaction, table: string): Promise<number> => {
  const { rows } = await tx.query<{ n: string }>(
    `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0) as n from pg_stat_xact_user_tables where relname = $1`,
    [table],
  )
  return Number(rows[0]?.n)
}
const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => withTenants(pool, [spec.tenantId], work)
const several = 300
const names = Array.from({ length: several }, (_, at) => `${at}-${'n'.repeat(80)}`)

describe('look-ups of many keys, by a plan that was made while the table was empty', () => {
  it('read the idempotency keys that were asked for and no other', async () => {
    const wanted = names.map((key) => ({ tenantId: spec.tenantId, producer: 'etl', key }))
    await inTransaction((tx) => findIdempotencyKeys(tx, wanted))
    await inTransaction((tx) =>
      reserveIdempotencyKeys(
        tx,
        wanted.map((key) => ({ ...key, fingerprint: 'f'.repeat(80), intentId: newId() })),
      ),
    )
    await inTransaction(async (tx) => {
      const before = await rowsRead(tx, 'idempotency_key')
      const asked = [...wanted.slice(-2), { tenantId: spec.tenantId, producer: 'etl', key: 'new' }]
      expect((await findIdempotencyKeys(tx, asked)).size).toBe(2)
      expect((await rowsRead(tx, 'idempotency_key')) - before).toBeLessThanOrEqual(2)
    })
  })

  it('read the subjects that were asked for and no other', async () => {
    const wanted = names.map((sub) => ({ tenantId: spec.tenantId, iss: 'https://idp.test', sub }))
    const made = await inTransaction((tx) => resolveSubjects(tx, wanted))
    await inTransaction((tx) => writeSubjects(tx, made))
    await inTransaction(async (tx) => {
      const before = await rowsRead(tx, 'subject')
      const found = await resolveSubjects(tx, [
        ...wanted.slice(-2),
        { tenantId: spec.tenantId, iss: 'https://idp.test', sub: 'new' },
      ])
      expect(found.map(({ isNew }) => isNew)).toEqual([false, false, true])
      expect((await rowsRead(tx, 'subject')) - before).toBeLessThanOrEqual(2)
    })
  })
})

describe('options that a connection string names', () => {
  it.each([
    ['beside a setting of ours', '-c work_mem=9MB', { work_mem: '9MB', enable_hashjoin: 'off', jit: 'off' }],
    ['before a setting of ours', '-c jit=on', { enable_hashjoin: 'off', jit: 'on' }],
  ])('hold %s', async (_, options, expected) => {
    const asked = new URLSearchParams({ options, connect_timeout: '5' })
    const connectionString = `${spec.urlOf('intake')}?${asked.toString()}`
    const named = storePool({ connectionString, max: 1, applicationName: 'named' })
    try {
      const { rows } = await named.query<{ name: string; setting: string }>(
        `select name, current_setting(name) as setting from pg_settings where name = any ($1)`,
        [Object.keys(expected)],
      )
      expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual(expected)
      const { rows: known } = await named.query('show application_name')
      expect(known).toEqual([{ application_name: 'named' }])
    } finally {
      await named.end()
    }
  })

  it.each([
    ['before', 'options=-c%20work_mem=9MB&application_name=who?&statement_timeout=4321'],
    ['behind', 'application_name=who?&statement_timeout=4321&options=-c%20work_mem=9MB'],
  ])('hold with all that stands beside them, %s another question mark too', async (_, query) => {
    const connectionString = `${spec.urlOf('intake')}?${query}`
    const named = storePool({ connectionString, max: 1, applicationName: 'named' })
    try {
      const { rows } = await named.query(
        `select current_setting('application_name') as name, current_setting('statement_timeout') as timeout,
           current_setting('work_mem') as memory, current_setting('jit') as jit`,
      )
      expect(rows).toEqual([{ name: 'who?', timeout: '4321ms', memory: '9MB', jit: 'off' }])
    } finally {
      await named.end()
    }
  })
})
