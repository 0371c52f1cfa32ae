import { randomBytes } from 'node:crypto'
import { createPostgresBus, migrateBus, type DeliveredRecord, type PostgresBus } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { eventStore, newId, type EventStore } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { createLog, readEventRecord, recordVerifier } from '@countersign/service-kit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateRelay } from '../migrate-relay.ts'
import { PublishEvents } from './publish-events.ts'

const key = { kid: '1', secret: randomBytes(32) }
const log = createLog({ service: 'relay', level: 'fatal' })

let store: SpecStore
let events: EventStore
let busPool: pg.Pool
let bus: PostgresBus
const seen: DeliveredRecord[] = []

beforeAll(async () => {
  store = await freshStore()
  await migrateRelay(store.urlOf('owner'))
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: ['countersign_relay'] })
  await owner.end()
  busPool = new pg.Pool({ connectionString: store.urlOf('relay'), max: 5 })
  bus = createPostgresBus({ pool: busPool, log: () => undefined })
  events = eventStore(store.poolOf('intake'), { metadata: { service: 'intake' } })
  await bus.subscribe({
    group: 'spec',
    topics: [topics.events],
    handle: async (batch) => {
      seen.push(...batch.records)
      return 'done'
    },
  })
})
afterAll(async () => {
  await bus.close()
  await busPool.end()
  await store.drop()
})

const relay = (): PublishEvents => new PublishEvents({ pool: store.poolOf('relay'), bus, key, log })

/** Appends attempts to a stream of its own; answers the event ids in order. */
const append = async (count: number): Promise<string[]> => {
  const stream = { kind: 'attempts', streamId: newId(), tenantId: store.tenantId } as const
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const { events: appended } = await events.execute(
      { streams: [stream] },
      {
        decide: () => ({
          append: [
            { stream, events: [{ type: 'ActionIntentRefused', data: { producer: 'etl', code: 'spec', count: 1 } }] },
          ],
          answer: undefined,
        }),
      },
    )
    ids.push(...appended.map(({ eventId }) => eventId))
  }
  return ids
}

const published = (): string[] => seen.flatMap((record) => readEventRecord(record)?.eventId ?? [])
const until = async (isTrue: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('the relay', () => {
  it('publishes what was appended, in order, authenticated', async () => {
    const ids = await append(5)
    const running = relay()
    await running.start()
    await until(() => ids.every((id) => published().includes(id)))
    await running.stop()
    expect(published().filter((id) => ids.includes(id))).toEqual(ids)
    expect(seen.every(recordVerifier([key]))).toBe(true)
    expect(seen.some(recordVerifier([{ kid: '1', secret: randomBytes(32) }]))).toBe(false)
  })

  it('goes on where the last one stopped', async () => {
    const before = published().length
    const ids = await append(3)
    const running = relay()
    await running.start()
    await until(() => ids.every((id) => published().includes(id)))
    await running.stop()
    expect(published().slice(before)).toEqual(ids)
  })

  it('waits while another one holds the lease, and takes over when it stops', async () => {
    const [first, second] = [relay(), relay()]
    await first.start()
    await until(() => seen.length > 0)
    const mine = await append(2)
    first.wake()
    await until(() => mine.every((id) => published().includes(id)))
    await second.start()
    await first.stop()
    const later = await append(2)
    second.wake()
    await until(() => later.every((id) => published().includes(id)))
    await second.stop()
    const all = published()
    expect(new Set(all).size).toBe(all.length)
    expect(all.filter((id) => later.includes(id))).toEqual(later)
  })

  it('sends again what it does not know to have arrived', async () => {
    const failing = { ...bus, publish: () => Promise.reject(new Error('no answer')) } as unknown as PostgresBus
    const ids = await append(1)
    const broken = new PublishEvents({ pool: store.poolOf('relay'), bus: failing, key, log })
    await broken.start()
    await until(() => broken.trouble !== undefined)
    expect(broken.trouble).toBe('outage')
    await broken.stop()
    const running = relay()
    await running.start()
    await until(() => ids.every((id) => published().includes(id)))
    await running.stop()
    expect(published()).toEqual(expect.arrayContaining(ids))
  })
})
