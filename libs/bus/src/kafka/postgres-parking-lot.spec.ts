import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type FreshDatabase, freshDatabase } from '@countersign/spec-kit/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newGroup } from '../contract-bench.ts'
import { migrateBus } from '../postgres/migrate.ts'
import type { SetAside } from '../settle.ts'
import type { ParkingClaim, ParkingLot } from './parking-lot.ts'
import { createPostgresParkingLot } from './postgres-parking-lot.ts'

const topic = 'topic'

const aside = (key: string | null, position: string): SetAside => ({
  record: { topic, key, value: Buffer.from(position), headers: {}, position, timestamp: '2026-11-21T10:00:00.000Z' },
  reason: 'state_unknown',
})

describe('the parking lot in PostgreSQL', () => {
  let database: FreshDatabase
  let lot: ParkingLot
  beforeAll(async () => {
    database = await freshDatabase()
    const client = await database.pool.connect()
    await migrateBus(client)
    client.release()
    lot = createPostgresParkingLot(database.pool)
  })
  afterAll(() => database.drop())

  const claimBy = async (group: string, partitions = [0, 1]): Promise<ParkingClaim> => {
    const claim = { group, topic, partitions, holder: randomUUID() }
    await lot.claim(claim)
    return claim
  }

  it('takes nothing from a consumer whose partition another has claimed since', async () => {
    const group = newGroup()
    const former = await claimBy(group)
    await lot.park(former, 0, [aside('kept', '0:1')])
    await lot.requestRedrive(group, topic, 'kept')
    const heir = await claimBy(group)
    expect(await lot.park(former, 0, [aside('late', '0:2')])).toBe(false)
    const settled = [aside('kept', '0:1').record]
    expect(await lot.settleRedrive(former, 0, { settled, parked: [] })).toBeUndefined()
    expect(await lot.list(group)).toMatchObject([{ key: 'kept', records: 1 }])
    expect(await lot.park(heir, 0, [aside('late', '0:2')])).toBe(true)
  })

  it('leaves the partitions to their holder that the other did not claim', async () => {
    const group = newGroup()
    const one = await claimBy(group, [0, 1])
    await claimBy(group, [1])
    expect(await lot.park(one, 0, [aside('a', '0:1')])).toBe(true)
    expect(await lot.park(one, 1, [aside('b', '1:1')])).toBe(false)
  })

  it('tells the next holder which keys are stopped', async () => {
    const group = newGroup()
    await lot.park(await claimBy(group), 0, [aside('a', '0:1'), aside(null, '0:2')])
    const stopped = await lot.claim({ group, topic, partitions: [0], holder: randomUUID() })
    expect([...stopped]).toEqual(['a'])
  })

  it('gives what to redrive in the order of its partition, and only of the claimed ones', async () => {
    const group = newGroup()
    const claim = await claimBy(group)
    await lot.park(claim, 0, [aside('a', '0:10'), aside('a', '0:9'), aside('b', '0:8')])
    await lot.park(claim, 1, [aside('c', '1:1')])
    for (const key of ['a', 'c']) await lot.requestRedrive(group, topic, key)
    const positions = async (of: ParkingClaim) => (await lot.nextRedrive(of, 10)).map(({ position }) => position)
    expect(await positions(claim)).toEqual(['0:9', '0:10'])
    expect(await positions({ ...claim, partitions: [1] })).toEqual(['1:1'])
    expect(await positions({ ...claim, partitions: [] })).toEqual([])
  })

  it('is asked for records without a key while some of them are settled, and neither waits for the other in a circle', async () => {
    const group = newGroup()
    const claim = await claimBy(group)
    const [settled, middle, last] = [aside(null, '0:1'), aside(null, '0:2'), aside(null, '0:3')] as const
    await lot.park(claim, 0, [settled, middle, last])
    const untilWaiting = async (sessions: number): Promise<void> => {
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      while ((await database.pool.query(waiting)).rowCount !== sessions) await pause(5)
    }
    const holder = await database.pool.connect()
    await holder.query('begin')
    await holder.query('select from bus.parked_lane where group_name = $1 and lane = $2 for update', [group, 'p:0:2'])
    const settling = lot.settleRedrive(claim, 0, { settled: [settled.record], parked: [last, middle] })
    await untilWaiting(1)
    const asked = lot.requestRedrive(group, topic, null)
    await untilWaiting(2)
    await holder.query('commit')
    holder.release()
    const [records] = await Promise.all([asked, settling])
    expect(records).toBe(2)
    const next = await lot.nextRedrive(claim, 10)
    expect(next.map(({ position }) => position)).toEqual(['0:2', '0:3'])
  })
})
