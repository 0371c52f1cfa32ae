import { newId } from '@countersign/event-store'
import { checkLog, leafHash } from '@countersign/merkle-log'
import { canonicalJson } from '@countersign/redaction'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { freshLedger, type LedgerStore, originHost, streamsOf } from '../ledger-store.fixture.ts'
import { appendBatch, LedgerAppender } from './append-batch.ts'
import { LedgerDiverged } from './ledger-diverged.ts'

const realQuery: unknown = Reflect.get(pg.Client.prototype, 'query')
let store: LedgerStore
beforeEach(async () => {
  store = await freshLedger()
})
afterEach(() => store.drop())

interface Entry {
  idx: string
  event_id: string
  kind: string
  stream_id: string
  version: string
  leaf_hash: Buffer
  leaf: Buffer
}

const entriesOf = async (logId: string): Promise<Entry[]> =>
  (await store.superuser.query<Entry>('select * from ledger.entry where log_id = $1 order by idx', [logId])).rows

/** Everything the ledger holds about a log, recomputed from its entries alone. */
const expectSound = async (logId: string, size: number) => {
  const entries = await entriesOf(logId)
  expect(entries.map(({ idx }) => Number(idx))).toEqual(Array.from({ length: size }, (_, at) => at))
  expect(entries.every(({ leaf, leaf_hash }) => leafHash(leaf).equals(leaf_hash))).toBe(true)
  const { rows: tiles } = await store.superuser.query<{ level: number; idx: string; hashes: Buffer }>(
    'select level, idx, hashes from ledger.tile where log_id = $1',
    [logId],
  )
  const stored = new Map(tiles.map((tile) => [`${tile.level}/${tile.idx}`, tile.hashes]))
  const check = await checkLog({
    leafHashes: entries.map((entry) => entry.leaf_hash),
    readTile: (level, index) => stored.get(`${level}/${index}`),
  })
  expect(check.findings).toEqual([])
  const head = await store.superuser.query('select size, frontier from ledger.log_head where log_id = $1', [logId])
  expect(head.rows).toEqual([{ size: String(size), frontier: check.frontier }])
}

describe('appending events', () => {
  it('makes each event one entry, in the order of the cursor, as the leaf that the design names', async () => {
    const stream = newId()
    const data = [{ b: 'ü\n"', a: [1, true, { z: 'last', y: 9007199254740991 }] }, { subjects: [] }]
    await store.insert(data.map((each, at) => ({ streamId: stream, version: at + 1, data: each })))
    await store.insert([{ streamId: stream, kind: 'attempts' }])
    await store.gatePassed()
    expect(await appendBatch(store.ledger, { originHost })).toMatchObject({ events: 3, entries: 3 })

    const log = await store.logIdOf(store.tenantId)
    const entries = await entriesOf(log)
    const { rows: events } = await store.superuser.query(
      'select event_id, kind, stream_id, version, type, data, recorded_at from countersign.event order by position',
    )
    let prev: string | null = null
    for (const [at, event] of events.entries()) {
      const leaf = {
        v: 1,
        log,
        prev: event.kind === 'attempts' ? null : prev,
        id: event.event_id,
        type: event.type,
        kind: event.kind,
        stream: event.stream_id,
        version: Number(event.version),
        recordedAt: (event.recorded_at as Date).toISOString(),
        data: event.data,
      }
      expect(entries[at]?.leaf.toString()).toBe(canonicalJson(leaf))
      expect(entries[at]).toMatchObject({ event_id: event.event_id, stream_id: stream, version: event.version })
      prev = `sha256:${entries[at]?.leaf_hash.toString('hex')}`
    }
    await expectSound(log, 3)
  })

  it('builds the same kind of tree however the batches fall, one log per tenant', async () => {
    const other = await store.addTenant('other')
    const rows = streamsOf(70, 5).flatMap((row, at) => [row, ...(at % 5 === 0 ? [{ tenantId: other }] : [])])
    await store.insert(rows)
    await store.gatePassed()
    for (const limit of [1, 2, 13, 100]) await appendBatch(store.ledger, { originHost, limit })
    expect(await store.appendAll()).toBe(rows.length - 116)
    await expectSound(await store.logIdOf(store.tenantId), 350)
    await expectSound(await store.logIdOf(other), 70)
  })

  it('links each entry to the one before it in its stream, also across batches', async () => {
    await store.insert(streamsOf(3, 40))
    await store.appendAll(17)
    const entries = await entriesOf(await store.logIdOf(store.tenantId))
    const last = new Map<string, string>()
    for (const { stream_id, leaf, leaf_hash } of entries) {
      expect(JSON.parse(leaf.toString()).prev).toBe(last.get(stream_id) ?? null)
      last.set(stream_id, `sha256:${leaf_hash.toString('hex')}`)
    }
  })

  it('opens a log whose origin says nothing about the tenant', async () => {
    await store.insert([{}])
    await store.appendAll()
    const logId = await store.logIdOf(store.tenantId)
    const { rows } = await store.superuser.query('select origin from ledger.log')
    expect(rows).toEqual([{ origin: `countersign.test/log/${logId}` }])
    expect(logId).not.toBe(store.tenantId)
  })

  it('takes no event of a transaction behind one that is still open, and loses none', async () => {
    const slow = await store.superuser.connect()
    await slow.query('begin')
    await store.insert([{ data: { n: 'slow' } }], slow)
    await store.insert([{ data: { n: 'fast' } }])
    expect(await appendBatch(store.ledger, { originHost })).toMatchObject({ events: 0 })
    await slow.query('commit')
    slow.release()
    expect(await store.appendAll()).toBe(2)
    const entries = await entriesOf(await store.logIdOf(store.tenantId))
    expect(entries.map(({ leaf }) => JSON.parse(leaf.toString()).data.n)).toEqual(['slow', 'fast'])
  })
})

describe('many appenders at once', () => {
  it('make one log without forks, gaps or doubles while events keep coming', async () => {
    const write = async () => {
      for (let round = 0; round < 12; round += 1) await store.insert(streamsOf(5, 4))
    }
    const append = async () => {
      let entries = 0
      for (let round = 0; round < 15; round += 1) {
        entries += (await appendBatch(store.ledger, { originHost, limit: 23 })).entries
      }
      return entries
    }
    const done = await Promise.all([append(), append(), append(), append(), append(), append(), write(), write()])
    const entries = done.slice(0, 6).reduce<number>((sum, count) => sum + (count ?? 0), 0)
    expect(entries + (await store.appendAll())).toBe(480)
    await expectSound(await store.logIdOf(store.tenantId), 480)
    const { rows } = await store.superuser.query(
      'select count(*)::int as events, count(distinct event_id)::int as ids from ledger.entry',
    )
    expect(rows).toEqual([{ events: 480, ids: 480 }])
  })
})

describe('an appender that goes on', () => {
  const appendAll = async (appender: LedgerAppender): Promise<number> => {
    let entries = 0
    for (;;) {
      const batch = await appender.append()
      entries += batch.entries
      if (batch.events === 0) return entries
    }
  }

  it('makes the same log of what it reads ahead, also where streams go on in the next batch', async () => {
    const other = await store.addTenant('other')
    await store.insert(streamsOf(20, 10).flatMap((row, at) => [row, ...(at % 7 === 0 ? [{ tenantId: other }] : [])]))
    await store.gatePassed()
    const appender = new LedgerAppender(store.ledger, { originHost, limit: 13 })
    expect(await appendAll(appender)).toBe(229)
    await store.insert(streamsOf(3, 30))
    await store.gatePassed()
    expect(await appendAll(appender)).toBe(90)
    await expectSound(await store.logIdOf(store.tenantId), 290)
    await expectSound(await store.logIdOf(other), 29)
  })

  it('reads each batch once, also where streams go on in the batch after the next', async () => {
    const [one, other] = [newId(), newId()]
    const tenOf = (streamId: string, after: number) =>
      Array.from({ length: 10 }, (_, at) => ({ streamId, version: after + at + 1 }))
    await store.insert([0, 10, 20].flatMap((after) => [...tenOf(one, after), ...tenOf(other, after)]))
    await store.gatePassed()
    const asked = vi.spyOn(pg.Client.prototype, 'query')
    expect(await appendAll(new LedgerAppender(store.ledger, { originHost, limit: 10 }))).toBe(60)
    // Behind the last batch nothing is found, once by looking ahead and once by whoever has nothing else to do.
    const reads = asked.mock.calls.filter(([query]) => (query as { name?: string }).name === 'ledger_read_events')
    expect(reads).toHaveLength(6 + 2)
    asked.mockRestore()
    await expectSound(await store.logIdOf(store.tenantId), 60)
  })

  it.each([2, 3])('goes on when a read ahead, the connection number %i, finds none to read on', async (refused) => {
    await store.insert(streamsOf(6, 10))
    await store.gatePassed()
    const unheard = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unheard)
    let asked = 0
    const connect = (): Promise<pg.PoolClient> => {
      asked += 1
      return asked === refused ? Promise.reject(new Error('no connection')) : store.ledger.connect()
    }
    const pool = Object.create(store.ledger, { connect: { value: connect } }) as pg.Pool
    const appender = new LedgerAppender(pool, { originHost, limit: 10 })
    expect(await appender.append()).toMatchObject({ events: 10 })
    await vi.waitFor(() => expect(asked).toBeGreaterThanOrEqual(refused))
    expect(await appendAll(appender)).toBe(50)
    process.off('unhandledRejection', unheard)
    expect(unheard).not.toHaveBeenCalled()
    await expectSound(await store.logIdOf(store.tenantId), 60)
  })

  it('shares the log with others that append between its batches', async () => {
    await store.insert(streamsOf(30, 10))
    await store.gatePassed()
    const [one, two] = [1, 2].map(() => new LedgerAppender(store.ledger, { originHost, limit: 7 }))
    let entries = 0
    for (let round = 0; round < 12; round += 1) {
      entries += (await (one as LedgerAppender).append()).entries
      if (round % 3 > 0) entries += (await (two as LedgerAppender).append()).entries
    }
    const rest = await Promise.all([appendAll(one as LedgerAppender), appendAll(two as LedgerAppender)])
    expect(entries + rest[0] + rest[1]).toBe(300)
    await expectSound(await store.logIdOf(store.tenantId), 300)
  })

  it('believes the cursor, not its memory: what was set back is found to be logged', async () => {
    await store.insert(streamsOf(5, 8))
    await store.gatePassed()
    const appender = new LedgerAppender(store.ledger, { originHost, limit: 10 })
    await appender.append()
    await store.tamper(`update ledger.progress set incarnation = 0, xid = '0', position = 0`)
    expect(await appender.append()).toMatchObject({ events: 10, entries: 0 })
    expect(await appendAll(appender)).toBe(30)
    await expectSound(await store.logIdOf(store.tenantId), 40)
  })

  it('forgets what it computed ahead of a batch that failed', async () => {
    await store.insert(streamsOf(10, 6))
    await store.gatePassed()
    const appender = new LedgerAppender(store.ledger, { originHost, limit: 20 })
    await appender.append()
    await store.superuser.query(`alter table ledger.log_head add constraint fault check (size < 40)`)
    await expect(appender.append()).rejects.toThrow('fault')
    await expect(appender.append()).rejects.toThrow('fault')
    await expectSound(await store.logIdOf(store.tenantId), 20)
    await store.superuser.query('alter table ledger.log_head drop constraint fault')
    expect(await appendAll(appender)).toBe(40)
    await expectSound(await store.logIdOf(store.tenantId), 60)
  })
})

describe('a failure on the way', () => {
  const failOn = (table: string, event: string) =>
    store.superuser.query(`
      create function ledger.fail() returns trigger language plpgsql as $$ begin raise exception 'seeded fault'; end $$;
      create trigger fail before ${event} on ledger.${table} for each statement execute function ledger.fail()`)

  it.each([
    ['entry', 'insert'],
    ['tile', 'insert'],
    ['tile', 'update'],
    ['log_head', 'update'],
    ['progress', 'update'],
  ])('in %s (%s) leaves nothing behind, and the next run goes on from what is committed', async (table, event) => {
    await store.insert(streamsOf(20, 10))
    await store.appendAll()
    await store.insert(streamsOf(30, 10))
    await failOn(table, event)
    await expect(store.appendAll()).rejects.toThrow('seeded fault')
    const logId = await store.logIdOf(store.tenantId)
    await expectSound(logId, 200)
    await store.superuser.query(`drop function ledger.fail cascade`)
    expect(await store.appendAll()).toBe(300)
    await expectSound(logId, 500)
  })

  it.each(['that was read', 'that was computed ahead'])(
    'is also a connection that is cut in a batch %s',
    async (how) => {
      await store.insert(streamsOf(3, 5))
      await store.gatePassed()
      const appender = new LedgerAppender(store.ledger, { originHost, limit: 5 })
      const isAhead = how.endsWith('ahead')
      await (isAhead ? appender.append() : appendBatch(store.ledger, { originHost, limit: 5 }))
      const holder = await store.superuser.connect()
      await holder.query('begin; select * from ledger.log_head for update')
      const outcome = expect(appender.append()).rejects.toThrow(/terminat/)
      const victim = `select pg_terminate_backend(pid) as done from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database() and query like '%ledger.log_head%'`
      while ((await store.superuser.query(victim)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
      await outcome
      await holder.query('rollback')
      holder.release()
      expect((await appender.append()).entries + (await store.appendAll())).toBe(10)
      await expectSound(await store.logIdOf(store.tenantId), 15)
    },
  )

  it('is also a beginning that was cancelled before it began: nothing of the batch computed ahead was sent behind it', async () => {
    await store.insert(streamsOf(3, 5))
    await store.gatePassed()
    const appender = new LedgerAppender(store.ledger, { originHost, limit: 5 })
    await appender.append()
    const query = vi.spyOn(pg.Client.prototype, 'query') as unknown as MockInstance<
      (asked: { text?: string }) => unknown
    >
    const real = realQuery as (asked: { text?: string }) => unknown
    query.mockImplementation(function (this: unknown, asked) {
      return real.call(this, asked.text?.startsWith('begin;') === true ? { ...asked, text: 'select 1 / 0' } : asked)
    })
    await expect(appender.append()).rejects.toThrow('division by zero')
    query.mockRestore()
    await expectSound(await store.logIdOf(store.tenantId), 5)
    expect((await appender.append()).entries + (await store.appendAll())).toBe(10)
    await expectSound(await store.logIdOf(store.tenantId), 15)
  })

  it('is nothing of a batch computed ahead when another appender came first', async () => {
    await store.insert(streamsOf(4, 5))
    await store.gatePassed()
    const [one, two] = [1, 2].map(() => new LedgerAppender(store.ledger, { originHost, limit: 5 }))
    await one?.append()
    await two?.append()
    const asked = vi.spyOn(pg.Client.prototype, 'query')
    expect(await one?.append()).toMatchObject({ entries: 5 })
    expect(asked.mock.calls.filter(([query]) => String(query) === 'rollback')).toHaveLength(1)
    asked.mockRestore()
    expect(await store.appendAll()).toBe(5)
    await expectSound(await store.logIdOf(store.tenantId), 20)
  })
})

describe('what must not be', () => {
  it('an event twice: a cursor that was set back finds them logged', async () => {
    await store.insert(streamsOf(4, 3))
    await store.appendAll()
    await store.tamper(`update ledger.progress set incarnation = 0, xid = '0', position = 0`)
    expect(await appendBatch(store.ledger, { originHost })).toMatchObject({ events: 12, entries: 0 })
    await expectSound(await store.logIdOf(store.tenantId), 12)
  })

  it.each([
    ['missing', 4],
    ['there twice', 2],
  ])('a stream in which a version is %s: the ledger stops and names it', async (_, version) => {
    const streamId = newId()
    await store.insert(streamsOf(1, 2).map((row) => ({ ...row, streamId })))
    await store.appendAll()
    const tenantId = await store.addTenant('other')
    await store.tamper('delete from countersign.event where stream_id = $1', [streamId])
    await store.insert([{ streamId, version }, { tenantId }])
    await store.gatePassed()
    await expect(appendBatch(store.ledger, { originHost })).rejects.toThrow(LedgerDiverged)
    await expect(appendBatch(store.ledger, { originHost })).rejects.toMatchObject({
      code: 'stream_gap',
      place: { kind: 'intent', streamId, version },
    })
    await expectSound(await store.logIdOf(store.tenantId), 2)
  })

  it.each([
    ['tile_moved', `update ledger.tile set hashes = substring(hashes from 1 for 32)`],
    ['tile_moved', `delete from ledger.tile`],
  ])('growing a log whose edge was changed: %s', async (code, statement) => {
    await store.insert(streamsOf(1, 5))
    await store.appendAll()
    await store.tamper(statement)
    await store.insert([{}])
    await store.gatePassed()
    await expect(appendBatch(store.ledger, { originHost })).rejects.toMatchObject({ code })
  })
})
