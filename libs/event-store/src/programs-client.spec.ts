import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isProgramsClient, readStanding } from './directory.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { storePool } from './store-pool.ts'
import { newId } from './stream.ts'
import { type Transaction, withTenants } from './transaction.ts'

const issuer = 'https://idp.test'
const several = 300

let spec: SpecStore
let pool: pg.Pool
let elsewhere: string
const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => withTenants(pool, [spec.tenantId], work)
const register = async (
  tenantId: string,
  {
    producer,
    client,
    agents,
  }: { producer: string; client: string | null; agents: readonly [string, string, string?][] },
) => {
  await spec.superuser.query(
    `insert into countersign.producer (tenant_id, name, iss, client_id, seeded) values ($1, $2, $3, $4, true)`,
    [tenantId, producer, issuer, client],
  )
  for (const [name, kind, own = null] of agents) {
    await spec.superuser.query(
      `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id, seeded)
       values ($1, $2, gen_random_uuid(), $3, $4, $5, $6, true)`,
      [tenantId, name, kind, producer, issuer, own],
    )
  }
}
/** Connected, and its look-ups planned, while the registers were empty. */
beforeAll(async () => {
  spec = await freshStore()
  pool = storePool({ connectionString: spec.urlOf('notifier'), max: 1, applicationName: 'spec' })
  elsewhere = await spec.addTenant('elsewhere')
  await isHeld('etl-bot')
  await standsThrough('etl-bot')
  await register(spec.tenantId, { producer: 'etl', client: 'etl', agents: [['etl-bot', 'agent', 'etl-bot']] })
  await register(spec.tenantId, { producer: 'ours', client: 'ours', agents: [['our-bot', 'pipeline']] })
  await register(elsewhere, { producer: 'theirs', client: 'theirs', agents: [['their-bot', 'agent', 'their-bot']] })
  const people: [string, string][] = [['alice', 'person']]
  await register(elsewhere, { producer: 'desk', client: 'desk', agents: people })
  await register(elsewhere, { producer: 'gone', client: 'gone', agents: [['gone-bot', 'agent']] })
  await spec.superuser.query(`update countersign.agent set removed_at = clock_timestamp() where name = 'gone-bot'`)
})
afterAll(async () => {
  await pool.end()
  await spec.drop()
})

const isHeld = (clientId: string, iss = issuer) =>
  inTransaction((tx) => isProgramsClient(tx, { issuer: iss, clientId }))
const questionOf = (clientId: string | undefined) => ({
  tenantId: spec.tenantId,
  agent: 'etl-bot',
  producer: 'etl',
  parentAgents: [],
  groups: [],
  people: [newId()],
  askedAt: null,
  ...(clientId === undefined ? {} : { client: { issuer, clientId } }),
})
const standsThrough = async (clientId: string | undefined) => {
  const [standing] = await inTransaction((tx) => readStanding(tx, [questionOf(clientId)]))
  return standing?.throughProgram
}

describe('whether a program holds a token, by the client that it was given to', () => {
  it.each(['etl-bot', 'etl', 'ours', 'their-bot', 'theirs'])(
    'is so for %s, of whatever tenant its agent or producer is',
    async (clientId) => expect(await isHeld(clientId)).toBe(true),
  )

  it.each(['desk', 'gone', 'countersign-cli'])(
    'is not so for %s, where people ask for themselves, nobody asks any more or nobody ever did',
    async (clientId) => expect(await isHeld(clientId)).toBe(false),
  )

  it('is not so for a client of the same name at another issuer', async () => {
    expect(await isHeld('their-bot', 'https://another.test')).toBe(false)
  })

  it('stands in the way of a verdict, unless it is of a producer here whose agent is not the one that asks', async () => {
    const clients = ['etl-bot', 'etl', 'ours', 'their-bot', 'theirs', 'desk', 'gone', undefined]
    const found = await Promise.all(clients.map(standsThrough))
    expect(found).toEqual([true, true, false, true, true, false, false, false])
  })

  it('is all that a service learns of other tenants', async () => {
    const seen = await inTransaction((tx) =>
      tx.query('select from countersign.agent where tenant_id = $1', [elsewhere]),
    )
    expect(seen.rowCount).toBe(0)
    for (const role of ['policy', 'ledger', 'lineage', 'relay'] as const)
      await expect(
        spec.poolOf(role).query(`select countersign.is_programs_client('${issuer}', 'their-bot', null)`),
      ).rejects.toMatchObject({ code: '42501' })
  })
})

/** Rows of the two registers that this transaction has read so far. */
const rowsRead = async (tx: Transaction): Promise<number> => {
  const { rows } = await tx.query<{ n: string }>(
    `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0) as n from pg_stat_xact_user_tables
     where relname in ('agent', 'producer')`,
  )
  return Number(rows[0]?.n)
}

describe('the look-up of a client among many tenants, agents and producers', () => {
  beforeAll(() =>
    spec.superuser.query(
      `with filled as (
         insert into countersign.producer (tenant_id, name, iss, client_id, seeded)
         select case when n % 2 = 0 then $1::uuid else gen_random_uuid() end, 'p-' || n, $2, 'p-' || n, true
         from generate_series(1, $3) as n returning tenant_id, name)
       insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id, seeded)
       select tenant_id, 'a-' || name, gen_random_uuid(), 'agent', name, $2, 'a-' || name, true from filled`,
      [elsewhere, issuer, several],
    ),
  )

  it.each<[string, number]>([
    ['an agent', 1],
    ['a producer', 2],
    ['nobody', 0],
  ])('reads the rows of %s and no other', async (whose, most) => {
    const clientId = { 'an agent': 'a-p-17', 'a producer': 'p-18', nobody: 'countersign-cli' }[whose] ?? ''
    await inTransaction(async (tx) => {
      const before = await rowsRead(tx)
      expect(await isProgramsClient(tx, { issuer, clientId })).toBe(most > 0)
      expect((await rowsRead(tx)) - before).toBeLessThanOrEqual(most)
    })
  })

  it('reads no more of them for a verdict', async () => {
    const read = (clientId: string | undefined) =>
      inTransaction(async (tx) => {
        const before = await rowsRead(tx)
        await readStanding(tx, [questionOf(clientId)])
        return (await rowsRead(tx)) - before
      })
    expect((await read('p-18')) - (await read(undefined))).toBeLessThanOrEqual(2)
  })
})
