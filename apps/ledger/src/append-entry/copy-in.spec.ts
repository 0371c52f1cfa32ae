import type { Duplex } from 'node:stream'
import { storePool } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { copyIn } from './copy-in.ts'

let store: SpecStore
let client: pg.PoolClient
const pools: pg.Pool[] = []

beforeAll(async () => {
  store = await freshStore()
  const pool = storePool({ connectionString: store.superuserUrl, max: 1, applicationName: 'spec' })
  pools.push(pool)
  client = await pool.connect()
  await client.query('create table copied (id integer primary key, text text)')
})
beforeEach(() => client.query('truncate copied'))
afterAll(async () => {
  client.release()
  for (const pool of pools) await pool.end()
  await store.drop()
})

const copied = async () =>
  (await client.query({ text: 'select id, text from copied order by id', rowMode: 'array' })).rows
const rowsOf = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, at) => `${at}\t${'x'.repeat(90)}\n`).join(''))

describe('rows that are copied in one go', () => {
  it('are all there, in the order of what is asked around them', async () => {
    const asked = [
      client.query(`insert into copied values (-1, 'before')`),
      copyIn(client, 'copy copied from stdin', rowsOf(10_000)),
      client.query('select count(*)::int as count from copied'),
    ]
    expect((await Promise.all(asked))[2]).toMatchObject({ rows: [{ count: 10_001 }] })
  })

  it.each([
    ['a table that is not there', 'copy missing from stdin', rowsOf(10_000), /"missing" does not exist/],
    ['no row of the format', 'copied', Buffer.from('x\ty\n1\tz\n'), /invalid input syntax/],
    ['a key twice', 'copied', Buffer.from('1\ta\n1\tb\n'), /duplicate key/],
    [
      'more rows than are read before the failure',
      'copied',
      Buffer.concat([Buffer.from('0\ta\n'), rowsOf(50_000)]),
      /duplicate key/,
    ],
  ])('fail for %s, and what is asked behind them has its own answer', async (_, into, rows, message) => {
    const statement = into === 'copied' ? 'copy copied from stdin' : into
    const [failed, behind] = await Promise.allSettled([
      copyIn(client, statement, rows),
      client.query('select 1 as one'),
    ])
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(message) } })
    expect(behind).toMatchObject({ status: 'fulfilled', value: { rows: [{ one: 1 }] } })
    expect(await copied()).toEqual([])
  })

  it('are nothing in a transaction that failed before them', async () => {
    const asked = ['begin', 'select 1 / 0'].map((text) => client.query(text))
    const [, , failed] = await Promise.allSettled([...asked, copyIn(client, 'copy copied from stdin', rowsOf(3))])
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: '25P02' } })
    await client.query('rollback')
    expect(await copied()).toEqual([])
  })

  it('end the connection where only half of it could be written', async () => {
    const pool = storePool({ connectionString: store.superuserUrl, max: 1, applicationName: 'unwritten' })
    pool.on('error', () => undefined)
    pools.push(pool)
    const broken = await pool.connect()
    const { stream } = (broken as unknown as { connection: { stream: Duplex } }).connection
    await expect(copyIn(broken, 'copy copied from stdin', 'no buffer' as never)).rejects.toThrow(TypeError)
    expect(stream).toMatchObject({ destroyed: true, writableCorked: 0 })
    broken.release(true)
  })

  it('fail when the connection is lost', async () => {
    const pool = storePool({ connectionString: store.superuserUrl, max: 1, applicationName: 'cut' })
    pool.on('error', () => undefined)
    pools.push(pool)
    const cut = await pool.connect()
    cut.on('error', () => undefined)
    const locked = await store.superuser.connect()
    await locked.query('begin; lock copied')
    const outcome = expect(copyIn(cut, 'copy copied from stdin', rowsOf(10_000))).rejects.toThrow(/terminat/)
    const victim = `select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'cut'`
    while ((await store.superuser.query(victim)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
    await outcome
    await locked.query('rollback')
    locked.release()
    cut.release(true)
  })
})
