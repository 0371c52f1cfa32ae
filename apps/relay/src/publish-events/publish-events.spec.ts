import { randomBytes } from 'node:crypto'
import { createPostgresBus, migrateBus, type DeliveredRecord, type PostgresBus } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { eventStore, type MarkFolder, markFolder, newId, storeGuard, type EventStore } from '@countersign/event-store'
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
let marks: MarkFolder
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

const relay = (over: { bus?: PostgresBus; marks?: MarkFolder } = {}): PublishEvents => {
  const holder = newId()
  const { STORE_MARK_DIR, STORE_MARK_KEY } = store.markSettings
  marks = over.marks ?? markFolder(STORE_MARK_DIR, { key: Buffer.from(STORE_MARK_KEY, 'base64url'), writer: holder })
  const guard = storeGuard({ marks })
  return new PublishEvents({ pool: store.poolOf('relay'), bus, key, holder, guard, log, ...over, marks })
}

/** Appends attempts to a stream of its own, so many at once; answers the event ids in order. */
const append = async (count: number, atOnce = 1): Promise<string[]> => {
  const event = { type: 'ActionIntentRefused' as const, data: { producer: 'etl', code: 'spec', count: 1 } }
  const stream = { kind: 'attempts', streamId: newId(), tenantId: store.tenantId } as const
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const { events: appended } = await events.execute(
      { streams: [stream] },
      {
        decide: () => ({
          append: [{ stream, events: Array.from({ length: atOnce }, () => event) }],
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
    const broken = relay({ bus: failing })
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

  it('prepares what comes next while it sends, and sends nothing behind a batch that failed', async () => {
    const ids = [...(await append(1, 500)), ...(await append(1))]
    // The relay looks once while it sends: a transaction of another spec would hide the last event from it.
    await store.gatePassed()
    const sent: string[][] = []
    let [marked, markedMeanwhile] = [0, 0]
    const { STORE_MARK_DIR, STORE_MARK_KEY } = store.markSettings
    const folder = markFolder(STORE_MARK_DIR, { key: Buffer.from(STORE_MARK_KEY, 'base64url'), writer: newId() })
    const watched: MarkFolder = {
      ...folder,
      advance: async (mark) => {
        await folder.advance(mark)
        marked += 1
      },
    }
    const failing = {
      ...bus,
      publish: async (records: DeliveredRecord[]) => {
        sent.push(records.flatMap((record) => readEventRecord(record)?.eventId ?? []))
        if (sent.length > 1) return bus.publish(records)
        await until(() => marked === 2)
        markedMeanwhile = marked
        throw new Error('no answer')
      },
    } as unknown as PostgresBus
    const running = relay({ bus: failing, marks: watched })
    await running.start()
    await until(() => published().at(-1) === ids.at(-1))
    await running.stop()
    expect(markedMeanwhile).toBe(2)
    expect(sent[0]).toEqual(ids.slice(0, 500))
    expect(sent.slice(1).flat()).toEqual(ids)
  })

  it('sends nothing before the mark outside of the database says so', async () => {
    const order: string[] = []
    const { STORE_MARK_DIR, STORE_MARK_KEY } = store.markSettings
    const folder = markFolder(STORE_MARK_DIR, { key: Buffer.from(STORE_MARK_KEY, 'base64url'), writer: newId() })
    const watched: MarkFolder = {
      ...folder,
      advance: async (mark) => {
        await folder.advance(mark)
        order.push(`marked ${mark.event?.eventId}`)
      },
    }
    const watching = {
      ...bus,
      publish: async (records: Parameters<PostgresBus['publish']>[0]) => {
        order.push('sent')
        await bus.publish(records)
      },
    } as PostgresBus
    const [id] = await append(1)
    const running = relay({ bus: watching, marks: watched })
    await running.start()
    await until(() => published().includes(id ?? ''))
    await running.stop()
    expect(order).toEqual([`marked ${id}`, 'sent'])
    expect((await folder.read())?.event?.eventId).toBe(id)
  })

  it('sends nothing while the mark cannot be written', async () => {
    const before = published().length
    const ids = await append(1)
    const running = relay({
      marks: { ...marks, advance: () => Promise.reject(Object.assign(new Error('disk full'), { code: 'ENOSPC' })) },
    })
    await running.start()
    await until(() => running.trouble !== undefined)
    expect(running.trouble).toBe('outage')
    await running.stop()
    expect(published()).toHaveLength(before)
    const healthy = relay()
    await healthy.start()
    await until(() => ids.every((id) => published().includes(id)))
    await healthy.stop()
  })

  it('publishes nothing from a store that lost, changed or replaced what was published last, and says which', async () => {
    const mark = await relayOnce()
    const before = published().length
    const behind = { ...mark, position: mark.position + 1_000_000, xid: `${BigInt(mark.xid) + 1_000_000n}` }
    await marks.replace(behind)
    expect(await troubleOf(relay())).toBe('store_behind_mark')
    await marks.replace({ ...mark, event: { ...mark.event, digest: 'sha256:changed' } } as typeof mark)
    expect(await troubleOf(relay())).toBe('store_diverged')
    await marks.replace({ ...mark, event: { ...mark.event, eventId: newId() } } as typeof mark)
    expect(await troubleOf(relay())).toBe('store_diverged')
    expect(published()).toHaveLength(before)
    await marks.replace(mark)
    await relayOnce()
    expect(published().length).toBeGreaterThan(before)
  })
})

/** Publishes everything there is; answers the mark then. */
const relayOnce = async () => {
  const ids = await append(1)
  const running = relay()
  await running.start()
  await until(() => ids.every((id) => published().includes(id)))
  await running.stop()
  const mark = await marks.read()
  if (mark === undefined) throw new Error('there is no mark')
  return mark
}

const troubleOf = async (running: PublishEvents): Promise<string | undefined> => {
  await append(1)
  await running.start()
  await until(() => running.trouble !== undefined)
  await running.stop()
  return running.trouble
}
