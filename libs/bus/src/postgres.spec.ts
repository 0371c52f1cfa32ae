import { randomUUID } from 'node:crypto'
import { type FreshDatabase, freshDatabase } from '@countersign/spec-kit/postgres'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { busContract } from './bus.contract.ts'
import type { BatchOutcome, BusHooks, BusObservation } from './bus.ts'
import { type BusBench, newGroup, type OpenBus, record, recordsOf, settled } from './contract-bench.ts'
import { createPostgresBus, type PostgresBus, type PostgresBusOptions } from './postgres.ts'
import { readPage } from './postgres/log.ts'
import { migrateBus } from './postgres/migrate.ts'

interface PostgresBench extends BusBench {
  readonly database: FreshDatabase
  open(options?: BusHooks & Partial<PostgresBusOptions>): Promise<OpenBus & { bus: PostgresBus; pool: Pool }>
}

/** What a connection says while its database is dropped is no news. */
const poolOn = (connectionString: string): Pool => {
  const pool = new Pool({ connectionString, max: 4 })
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool.on('error', () => undefined)
}

const makeBench = async (): Promise<PostgresBench> => {
  const database = await freshDatabase()
  const owner = poolOn(database.url)
  const client = await owner.connect()
  await migrateBus(client)
  client.release()
  await owner.end()
  let closing: (() => Promise<void>)[] = []
  const closeOpened = async () => {
    const opened = closing
    closing = []
    await Promise.all(opened.map((close) => close()))
  }
  return {
    database,
    open: async (options = {}) => {
      const pool = poolOn(database.url)
      const timing = { leaseMs: 600, pollMs: 200, backoffMs: () => 5 }
      const bus = createPostgresBus({ pool, log: () => undefined, ...timing, ...options })
      let ended: Promise<void> | undefined
      const end = () => (ended ??= pool.end())
      closing.push(async () => {
        await bus.close()
        await end()
      })
      return { bus, pool, kill: () => void end() }
    },
    makeTopic: async () => `topic-${randomUUID()}`,
    closeOpened,
    close: async () => {
      await closeOpened()
      await database.drop()
    },
  }
}

busContract('postgres', makeBench)
busContract('postgres, every batch delivered twice', async () => {
  const bench = await makeBench()
  return { ...bench, open: (hooks) => bench.open({ redeliver: () => 2, ...hooks }) }
})

describe('postgres bus', () => {
  let bench: PostgresBench
  beforeAll(async () => {
    bench = await makeBench()
  })
  afterEach(() => bench.closeOpened())
  afterAll(() => bench.close())

  it('says at start that it is for one process only', async () => {
    const lines: string[] = []
    await bench.open({ log: (line) => lines.push(line) })
    expect(lines).toEqual([expect.stringContaining('one process only')])
  })

  it('delivers a record whose transaction took its position early and committed late', async () => {
    const { bus, pool } = await bench.open()
    const topic = await bench.makeTopic()
    const slow = await pool.connect()
    const insert = `INSERT INTO bus.log (topic, key, value, headers) VALUES ($1, 'k', $2, '{}')`
    await slow.query('BEGIN')
    await slow.query(insert, [topic, Buffer.from('early')])
    await bus.publish(recordsOf(topic, 'k', ['late']))

    // What a cursor on position alone would do: take the record that is there, never look behind it again.
    const seen = await pool.query('SELECT max(position) AS position FROM bus.log WHERE topic = $1', [topic])
    const place = { group: newGroup(), topic, after: { xid: '0', position: '0' }, maxRecords: 10 }
    expect(await readPage(pool, place)).toMatchObject({ records: [], end: undefined, isGated: true })
    await slow.query('COMMIT')
    slow.release()
    const behind = 'SELECT count(*)::int AS lost FROM bus.log WHERE topic = $1 AND position < $2'
    expect((await pool.query(behind, [topic, seen.rows[0].position])).rows).toEqual([{ lost: 1 }])

    const got = await record(bus, topic)
    await got.count(2)
    expect(got.values).toEqual(['early', 'late'])
  })

  it('ignores what a consumer answers that lost its lease meanwhile', async () => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const seen: BusObservation[] = []
    const first = await bench.open({ observe: (each) => seen.push(each), leaseMs: 60_000 })
    await first.bus.publish(recordsOf(topic, 'k', ['one', 'two']))
    const late = Promise.withResolvers<BatchOutcome>()
    const zombie = await record(first.bus, topic, { group, answer: () => late.promise })
    await zombie.count(2)
    // As after a stop of the whole process: the lease ran out while it could not renew.
    await first.pool.query(`UPDATE bus.progress SET lease_until = now() - interval '1 s' WHERE group_name = $1`, [
      group,
    ])
    const { bus } = await bench.open()
    const heir = await record(bus, topic, { group })
    await heir.count(2)
    await settled(bus, group)
    late.resolve([{ park: 'too_late' }, { park: 'too_late' }])
    await zombie.subscription.stop()
    expect(seen.map(({ kind }) => kind)).toContain('ownership_lost')
    expect(await bus.parked(group)).toEqual([])
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 0 }])
  })

  it('tells a handler at work that its lease is lost', async () => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const { bus, pool } = await bench.open()
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const aborted = Promise.withResolvers<BatchOutcome>()
    const got = await record(bus, topic, {
      group,
      answer: ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve('done'))
        return aborted.promise
      },
    })
    await got.count(1)
    await pool.query('UPDATE bus.progress SET holder = $2 WHERE group_name = $1', [group, randomUUID()])
    await aborted.promise
    await pool.query('UPDATE bus.progress SET holder = NULL WHERE group_name = $1', [group])
    await got.until(({ batches }) => batches.length >= 2)
  })

  it('keeps its lease while a handler takes longer than the lease', async () => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const first = await bench.open()
    await first.bus.publish(recordsOf(topic, 'k', ['one']))
    const release = Promise.withResolvers<BatchOutcome>()
    const slow = await record(first.bus, topic, { group, answer: () => release.promise })
    await slow.count(1)
    const { bus, pool } = await bench.open()
    const standby = await record(bus, topic, { group })
    const renewals = new Set<string>()
    while (renewals.size < 6) {
      const { rows } = await pool.query('SELECT lease_until::text FROM bus.progress WHERE group_name = $1', [group])
      renewals.add(rows[0].lease_until)
    }
    release.resolve('done')
    await settled(bus, group)
    expect([slow.values, standby.values]).toEqual([['one'], []])
  })

  it('is woken by commits, and still after all its connections broke', async () => {
    const quiet = await makeBench()
    const topic = await quiet.makeTopic()
    // No poll and no renewal within this test: what arrives was announced, or found when listening began again.
    const { bus } = await quiet.open({ pollMs: 600_000, leaseMs: 600_000 })
    const observer = poolOn(quiet.database.url)
    const got = await record(bus, topic)
    await bus.publish(recordsOf(topic, 'k', ['one']))
    await got.count(1)
    const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
    const isWaiting = async () => {
      const last = await observer.query(`SELECT state, query ${others} ORDER BY query_start DESC LIMIT 1`)
      return last.rows[0]?.state === 'idle' && last.rows[0].query.includes('WITH page AS')
    }
    const waiting = async () => {
      while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await waiting()
    await bus.publish(recordsOf(topic, 'k', ['announced']))
    await got.count(2)
    await waiting()
    await observer.query(`SELECT pg_terminate_backend(pid) ${others}`)
    const publishUntilTaken = async (value: string): Promise<void> => {
      await bus.publish(recordsOf(topic, 'k', [value])).catch(() => publishUntilTaken(value))
    }
    await publishUntilTaken('after the break')
    await got.until(({ values }) => values.includes('after the break'))
    await observer.end()
    await quiet.close()
  })

  it('puts what is published at the same time into few transactions', async () => {
    const topic = await bench.makeTopic()
    const { bus, pool } = await bench.open()
    await Promise.all(Array.from({ length: 300 }, () => bus.publish(recordsOf(topic, null, ['same time']))))
    const { rows } = await pool.query('SELECT count(DISTINCT xid)::int AS sends FROM bus.log WHERE topic = $1', [topic])
    expect(rows[0].sends).toBeLessThanOrEqual(2)
  })

  it('prunes what is old only below the progress of every group', async () => {
    const topic = await bench.makeTopic()
    const { bus, pool } = await bench.open()
    const [ahead, behind] = [newGroup(), newGroup()]
    await bus.publish(recordsOf(topic, 'k', ['1', '2', '3']))
    await record(bus, topic, { group: ahead })
    const slow = await record(bus, topic, {
      group: behind,
      maxBatch: 2,
      answer: ({ records }) => {
        if (records.length < 2) throw new Error('down')
        return 'done'
      },
    })
    await slow.count(3)
    await settled(bus, ahead)
    await slow.subscription.stop()
    await bus.prune(new Date(0))
    const count = async () => (await pool.query('SELECT 1 FROM bus.log WHERE topic = $1', [topic])).rowCount
    expect(await count()).toBe(3)
    await bus.prune(new Date(Date.now() + 60_000))
    expect(await count()).toBe(1)
  })

  it('prunes what nobody subscribes to by its age alone', async () => {
    const topic = await bench.makeTopic()
    const { bus, pool } = await bench.open()
    await bus.publish(recordsOf(topic, 'k', ['1', '2']))
    const count = async () => (await pool.query('SELECT 1 FROM bus.log WHERE topic = $1', [topic])).rowCount
    await bus.prune(new Date(0))
    expect(await count()).toBe(2)
    await bus.prune(new Date(Date.now() + 60_000))
    expect(await count()).toBe(0)
  })

  it('refuses to deliver on progress of another cluster, whose transaction ids count differently', async () => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const refused = Promise.withResolvers<unknown>()
    const { bus, pool } = await bench.open({
      observe: (seen) => seen.kind === 'outage' && refused.resolve(seen.error),
    })
    await pool.query(`INSERT INTO bus.progress VALUES ($1, $2, '4000000000000', 0)`, [group, topic])
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const got = await record(bus, topic, { group })
    expect(await refused.promise).toMatchObject({ message: expect.stringContaining('another cluster') })
    expect(got.values).toEqual([])
  })

  it('tells of a migration what failed first when its connection is lost', async () => {
    const { pool } = await bench.open()
    const [holder, migrating] = [await pool.connect(), await pool.connect()]
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('countersign.bus.migrate', 0))`)
    const outcome = expect(migrateBus(migrating)).rejects.toMatchObject({ code: '57P01' })
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`
    while ((await holder.query(end)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
    await outcome
    for (const client of [holder, migrating]) client.release(true)
  })

  it('lets a service publish and consume, and an operator alone prune', async () => {
    const owners = poolOn(bench.database.url)
    const suffix = randomUUID().replaceAll('-', '')
    const [service, operator] = [`bus_service_${suffix}`, `bus_operator_${suffix}`]
    for (const role of [service, operator]) await owners.query(`CREATE ROLE ${role} LOGIN PASSWORD 'spec'`)
    const owner = await owners.connect()
    await migrateBus(owner, { services: [service], operators: [operator] })
    owner.release()
    const pools = [service, operator].map((role) => poolOn(bench.database.urlFor(role, 'spec')))
    const [asService, asOperator] = pools.map((pool) =>
      createPostgresBus({ pool, log: () => undefined, leaseMs: 600, pollMs: 200 }),
    )
    const topic = await bench.makeTopic()
    const group = newGroup()
    await asService?.publish(recordsOf(topic, 'k', ['one']))
    const got = asService && (await record(asService, topic, { group, answer: () => [{ park: 'state_unknown' }] }))
    await got?.count(1)
    await got?.subscription.stop()
    expect(await asService?.redrive(group, topic, 'k')).toBe(1)
    await expect(asService?.prune(new Date())).rejects.toThrow('permission denied')
    const forged = `INSERT INTO bus.log (topic, headers, xid) VALUES ('t', '{}', '1')`
    await expect(pools[0]?.query(forged)).rejects.toThrow('permission denied')
    expect(await asOperator?.prune(new Date(0))).toBe(0)
    await Promise.all([asService?.close(), asOperator?.close()])
    await Promise.all(pools.map((pool) => pool.end()))
    for (const role of [service, operator]) await owners.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    await owners.end()
  })
})
