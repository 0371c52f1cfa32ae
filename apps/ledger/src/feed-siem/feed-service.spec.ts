import {
  createPostgresBus,
  type DeliveredRecord,
  migrateBus,
  type OutboundRecord,
  type PostgresBus,
} from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { verifyTlogProof } from '@countersign/merkle-log'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type LedgerStore, streamsOf } from '../ledger-store.fixture.ts'
import { type LedgerService, startLedgerService } from '../ledger-service.fixture.ts'
import { rowOf, upTo } from './feed-bench.fixture.ts'

type Publish = PostgresBus['publish']

let service: LedgerService
let bus: PostgresBus
/** What the bus does with what the ledger publishes; set by a rule. */
let publish: Publish | undefined
/** The bus may deliver twice. */
let arrived: Map<string, DeliveredRecord>

beforeEach(async () => {
  const own = new Map<string, DeliveredRecord>()
  arrived = own
  service = await startLedgerService(async (store) => {
    const pool = await busPool(store)
    bus = createPostgresBus({ pool, log: () => undefined })
    const close = () => bus.close().then(() => pool.end())
    return { close, bus: { ...boundTo(bus), publish: (records) => (publish ?? bus.publish.bind(bus))(records) } }
  })
  await bus.subscribe({
    group: 'siem.spec',
    topics: [topics.audit],
    handle: async ({ records }) => {
      for (const record of records) own.set(record.position, record)
      return 'done'
    },
  })
})
afterEach(async () => {
  publish = undefined
  await service.stop()
})

const busPool = async (store: LedgerStore): Promise<pg.Pool> => {
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: ['countersign_ledger'] })
  await owner.end()
  return new pg.Pool({ connectionString: store.urlOf('ledger') })
}

const boundTo = (given: PostgresBus): PostgresBus => ({
  publish: (records) => given.publish(records),
  subscribe: (options) => given.subscribe(options),
  lag: (group) => given.lag(group),
  parked: (group) => given.parked(group),
  redrive: (group, topic, key) => given.redrive(group, topic, key),
  prune: (olderThan) => given.prune(olderThan),
  close: () => given.close(),
})

const append = async (events: number) => {
  await service.store.insert(streamsOf(events, 1))
  await service.store.gatePassed()
  await bus.publish([{ topic: topics.events, key: null, value: null, headers: {} }])
}
const until = async (isTrue: () => Promise<boolean> | boolean) => {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10))
}
const logId = () => service.store.logIdOf(service.store.tenantId)
const troubleOf = async (name: string) => (await service.readiness()).checks.find((check) => check.name === name)?.code
const sequences = () => [...arrived.values()].map((record) => rowOf(record).metadata.sequence)

it('feeds every row with what proves it: the sequence is the index of its inclusion proof', async () => {
  await append(300)
  await until(() => arrived.size === 300)
  expect(sequences()).toEqual(upTo(300))
  for (const record of [0, 1, 255, 256, 299].flatMap((at) => [...arrived.values()][at] ?? [])) {
    const { metadata, raw_data_hash } = rowOf(record)
    // All of it comes from the row: where the log is, what to ask it for, and what the proof has to be about.
    const log = metadata.log_name.split('/').at(-1)
    const response = await service.get(`${log}/events/${metadata.uid}/proof`)
    const { proof } = (await response.json()) as { proof: string }
    const trusted = service.trusted(metadata.log_name)
    expect(verifyTlogProof(proof, Buffer.from(raw_data_hash.value, 'hex'), trusted)).toMatchObject({
      ok: true,
      index: metadata.sequence,
    })
    const another = Buffer.from(raw_data_hash.value, 'hex').fill(0, 0, 1)
    expect(verifyTlogProof(proof, another, trusted).ok).toBe(false)
  }
})

it.each<[string, Publish]>([
  ['fails', () => Promise.reject(new Error('seeded fault'))],
  ['never answers', () => new Promise(() => undefined)],
])('appends and publishes checkpoints while the bus %s', async (_, broken) => {
  const over = Promise.withResolvers<undefined>()
  publish = (records) => Promise.race([broken(records), over.promise])
  for (const size of [5, 10]) {
    await append(5)
    await until(async () => (await service.publishedSize(await logId())) === size)
  }
  expect(arrived.size).toBe(0)
  over.resolve(undefined)
})

it('stops in order while the bus never answers', async () => {
  publish = () => new Promise(() => undefined)
  await append(5)
  await until(async () => (await service.publishedSize(await logId())) === 5)
  expect(await service.stop()).toBe('drained')
})

it('says that it does not feed while the bus fails, and sends everything once it works', async () => {
  const isForSiem = (records: readonly OutboundRecord[]) => records.some(({ topic }) => topic === topics.audit)
  publish = (records) => (isForSiem(records) ? Promise.reject(new Error('seeded fault')) : bus.publish(records))
  await append(7)
  await until(async () => (await troubleOf('feed_siem')) === 'outage')
  expect(await troubleOf('append')).toBeUndefined()
  expect(await troubleOf('publish_checkpoint')).toBeUndefined()
  publish = undefined
  await until(() => arrived.size === 7)
  await until(async () => (await troubleOf('feed_siem')) === undefined)
  expect(sequences()).toEqual(upTo(7))
})
