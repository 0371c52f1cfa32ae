import { storePool } from '@countersign/event-store'
import type { Identity } from '@countersign/identity'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientCaller } from './caller.ts'
import { intakeBench, type IntakeBench } from './intake.fixture.ts'

const producers = 10_000
const clientsOfEach = 5

let bench: IntakeBench
let pool: pg.Pool
/** The one connection of a service, which planned its look-up while the registers were almost empty. */
let connection: pg.PoolClient
beforeAll(async () => {
  bench = await intakeBench()
  pool = storePool({ connectionString: bench.urlOf('intake'), max: 1, applicationName: 'spec' })
  connection = await pool.connect()
  await look('etl')
  const elsewhere = await bench.addTenant('elsewhere')
  await bench.superuser.query(
    `with filled as (
       insert into countersign.producer (tenant_id, name, iss, client_id, seeded)
       select case when n % 2 = 0 then $1::uuid else $2::uuid end, 'p-' || n, $3, 'p-' || n, true
       from generate_series(1, $4::integer) as n returning tenant_id, name)
     insert into countersign.agent (tenant_id, name, subject_id, kind, producer, iss, client_id, seeded)
     select tenant_id, 'a-' || n || '-' || name, gen_random_uuid(), 'agent', name, $3, 'a-' || n || '-' || name, true
     from filled, generate_series(1, $5::integer) as n`,
    [bench.tenantId, elsewhere, bench.issuer, producers, clientsOfEach],
  )
  await bench.superuser.query('analyze countersign.producer; analyze countersign.agent')
}, 120_000)
afterAll(async () => {
  connection.release()
  await pool.end()
  await bench.close()
})

const look = (clientId: string) => {
  const identity: Identity = { issuer: bench.issuer, subject: clientId, clientId, kind: 'client', actorChain: [] }
  // What asks a pool asks this connection, so that its transaction counts what is read.
  return clientCaller(connection as unknown as pg.Pool, identity)
}
/** Rows of the two registers that this transaction has read so far. */
const rowsRead = async (): Promise<number> => {
  const { rows } = await connection.query<{ n: string }>(
    `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0) as n from pg_stat_xact_user_tables
     where relname in ('agent', 'producer')`,
  )
  return Number(rows[0]?.n)
}

describe('the look-up of whom a client speaks for, among 10,000 producers and 50,000 clients of agents', () => {
  it.each<[string, string, object, number]>([
    ['a producer’s', 'p-17', { producer: 'p-17', agent: undefined }, 1],
    ['an agent’s own', 'a-3-p-18', { producer: 'p-18', agent: 'a-3-p-18' }, 2],
    ['nobody’s', 'stranger', { code: 'unknown_producer' }, 0],
  ])('reads no more rows than say that it is %s', async (_whose, clientId, answer, most) => {
    await connection.query('begin')
    const before = await rowsRead()
    expect(await look(clientId)).toMatchObject(answer)
    expect((await rowsRead()) - before).toBeLessThanOrEqual(most)
    await connection.query('rollback')
  })

  it('reads no more for many that are asked about together', async () => {
    await connection.query('begin')
    const before = await rowsRead()
    const asked = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? `p-${at + 1}` : `a-1-p-${at + 1}`))
    const found = await Promise.all(asked.map(look))
    expect(found.every((each) => !('refused' in each))).toBe(true)
    expect((await rowsRead()) - before).toBeLessThanOrEqual(150)
    await connection.query('rollback')
  })
})
