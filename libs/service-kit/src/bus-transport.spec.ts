import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import { type BatchOutcome, type Bus, createPostgresBus, type DeliveredBatch, migrateBus } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { Controller, type INestMicroservice, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { EventPattern } from '@nestjs/microservices'
import { Pool } from 'pg'
import { of } from 'rxjs'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { BusTransport, type BusTransportOptions } from './bus-transport.ts'

const eventsTopic = 'spec.events.v1'
const intentsTopic = 'spec.intents.v1.build-robot'

type Answer = (batch: DeliveredBatch) => BatchOutcome | Promise<BatchOutcome>

/** What the decorated controller got; each test sets its answers. */
const got: { readonly events: DeliveredBatch[]; readonly intents: DeliveredBatch[]; answer: Answer } = {
  events: [],
  intents: [],
  answer: () => 'done',
}
let onDelivery = (): void => undefined

@Controller()
class LedgerController {
  @EventPattern(eventsTopic)
  async appendEntries(batch: DeliveredBatch): Promise<BatchOutcome> {
    got.events.push(batch)
    onDelivery()
    return got.answer(batch)
  }

  @EventPattern('spec.intents.v1.*')
  async publishIntents(batch: DeliveredBatch): Promise<BatchOutcome> {
    got.intents.push(batch)
    onDelivery()
    return 'done'
  }
}

@Module({ controllers: [LedgerController] })
class LedgerModule {}

const database = `spec_${randomUUID().replaceAll('-', '')}`
let pool: Pool
let bus: Bus

const asSuperuser = async (statement: string): Promise<void> => {
  const admin = new Pool({ ...connection(), database: 'postgres' })
  await admin.query(statement)
  await admin.end()
}

/** The PostgreSQL of this run, as its global setup provides it. */
const connection = () => {
  const server = inject('testPostgres' as never) as {
    host: string
    port: number
    superuser: string
    superuserPassword: string
  }
  return { host: server.host, port: server.port, user: server.superuser, password: server.superuserPassword }
}

beforeAll(async () => {
  await asSuperuser(`CREATE DATABASE ${database}`)
  pool = new Pool({ ...connection(), database }).on('connect', (client) => client.on('error', () => undefined))
  const client = await pool.connect()
  await migrateBus(client)
  client.release()
  bus = createPostgresBus({ pool, log: () => undefined, leaseMs: 600, pollMs: 200, backoffMs: () => 5 })
})

afterAll(async () => {
  await bus.close()
  await pool.end()
  await asSuperuser(`DROP DATABASE ${database} WITH (FORCE)`)
})

const open = async (options: Partial<BusTransportOptions> = {}) => {
  got.events.length = 0
  got.intents.length = 0
  got.answer = () => 'done'
  const group = options.group ?? `group-${randomUUID()}`
  const transport = new BusTransport({
    bus,
    group,
    from: 'latest',
    verify: ({ headers }) => headers['mac'] === 'right',
    isForeign: (topic) => topic.startsWith('spec.intents.v1.'),
    topicsOf: (pattern) => (pattern.endsWith('.*') ? [intentsTopic] : [pattern]),
    ...options,
  })
  const app: INestMicroservice = await NestFactory.createMicroservice(LedgerModule, {
    strategy: transport,
    logger: false,
  })
  return { app, transport, group }
}

const publish = (values: readonly string[], { topic = eventsTopic, mac = 'right' } = {}): Promise<void> =>
  bus.publish(values.map((value) => ({ topic, key: 'k', value: Buffer.from(value), headers: { mac } })))

const valuesOf = (batches: readonly DeliveredBatch[]): string[] =>
  batches.flatMap(({ records }) => records.map(({ value }) => Buffer.from(value ?? []).toString()))

const until = async (isThere: () => boolean): Promise<void> => {
  while (!isThere()) {
    await new Promise<void>((resolve) => {
      onDelivery = resolve
      if (isThere()) resolve()
    })
  }
}

const settled = async (group: string): Promise<void> => {
  while ((await bus.lag(group)).some(({ records }) => records > 0))
    await new Promise((resolve) => setTimeout(resolve, 5))
}

const quarantined = async (group: string): Promise<{ reason: string; topic: string }[]> => {
  const { rows } = await pool.query<{ notice: string }>(
    `SELECT convert_from(value, 'UTF8') AS notice FROM bus.log WHERE topic = $1 ORDER BY xid, position`,
    [topics.quarantine],
  )
  return rows.map(({ notice }) => JSON.parse(notice)).filter((notice) => notice.group === group)
}

it('gives up a subscription that lets it wait when it is closed', async () => {
  const asked = Promise.withResolvers<AbortSignal | undefined>()
  const joining: Pick<Bus, 'subscribe'> = {
    subscribe: ({ signal }) => {
      asked.resolve(signal)
      return new Promise((_, giveUp) => signal?.addEventListener('abort', () => giveUp(new Error('given up'))))
    },
  }
  const { app, transport } = await open({ bus: joining as Bus })
  await app.init()
  const listening = expect(app.listen()).rejects.toThrow('given up')
  expect((await asked.promise)?.aborted).toBe(false)
  await transport.close()
  await listening
  await app.close()
})

it('delivers whole batches to the handler of their topic, once it listens', async () => {
  const { app, transport, group } = await open()
  const states: string[] = []
  transport.status.subscribe((state) => states.push(state))
  await app.init()
  expect(await bus.lag(group)).toEqual([])
  await app.listen()
  await publish(['one', 'two', 'three'])
  await publish(['an intent'], { topic: intentsTopic, mac: 'none' })
  await until(() => got.events.length > 0 && got.intents.length > 0)
  await settled(group)
  expect(got.events.map(({ records }) => records.length)).toEqual([3])
  expect(valuesOf(got.events)).toEqual(['one', 'two', 'three'])
  expect(valuesOf(got.intents)).toEqual(['an intent'])
  await app.close()
  expect(states).toEqual(['consuming', 'closed'])
})

it('takes a handler that throws for an outage and delivers its batch again', async () => {
  const { app, group } = await open()
  await app.listen()
  const failures = [new Error('down'), new TypeError('a bug')]
  got.answer = () => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
    return 'done'
  }
  await publish(['one'])
  await until(() => got.events.length >= 3)
  await settled(group)
  expect(valuesOf(got.events)).toEqual(['one', 'one', 'one'])
  expect(await quarantined(group)).toEqual([])
  await app.close()
})

it('takes the outcome per record from the handler', async () => {
  const { app, group } = await open()
  await app.listen()
  got.answer = () => ['done', { quarantine: 'schema_invalid' }, { park: 'state_unknown' }]
  await publish(['good', 'bad', 'poison'])
  await until(() => got.events.length >= 1)
  await settled(group)
  expect(await quarantined(group)).toMatchObject([{ topic: eventsTopic, reason: 'schema_invalid' }])
  expect(await bus.parked(group)).toMatchObject([{ key: 'k', reason: 'state_unknown', records: 1 }])
  await app.close()
})

it('takes an answer that comes as an observable, as interceptors make it', async () => {
  const { app, group } = await open()
  await app.listen()
  got.answer = () => of('done') as never
  await publish(['one'])
  await until(() => got.events.length >= 1)
  await settled(group)
  expect(valuesOf(got.events)).toEqual(['one'])
  await app.close()
})

it('quarantines and counts a record with a wrong MAC, which no handler sees', async () => {
  const counted: [string, number][] = []
  const { app, group } = await open({ onMacInvalid: (topic, records) => counted.push([topic, records]) })
  await app.listen()
  got.answer = ({ records }) => records.map((_, index) => (index === 1 ? { park: 'state_unknown' } : 'done'))
  const record = (value: string, mac: string) =>
    ({ topic: eventsTopic, key: value, value: Buffer.from(value), headers: { mac } }) as const
  await bus.publish([record('one', 'right'), record('forged', 'wrong'), record('two', 'right')])
  await until(() => got.events.length >= 1)
  await settled(group)
  expect(valuesOf(got.events)).toEqual(['one', 'two'])
  expect(await quarantined(group)).toMatchObject([{ topic: eventsTopic, reason: 'mac_invalid' }])
  expect(await bus.parked(group)).toMatchObject([{ key: 'two', reason: 'state_unknown' }])

  await publish(['all forged'], { mac: 'wrong' })
  await settled(group)
  expect(valuesOf(got.events)).toEqual(['one', 'two'])
  expect(counted).toEqual([
    [eventsTopic, 1],
    [eventsTopic, 1],
  ])
  await app.close()
})

it('settles the batch at hand before it closes, and delivers nothing after it', async () => {
  const { app, group } = await open({ maxBatch: 1 })
  await app.listen()
  const release = Promise.withResolvers<BatchOutcome>()
  got.answer = () => release.promise
  await publish(['at hand', 'next'])
  await until(() => got.events.length === 1)
  const closed = app.close()
  const first = await Promise.race([closed.then(() => 'closed'), bus.lag(group).then(() => 'still at work')])
  expect(first).toBe('still at work')
  release.resolve('done')
  await closed
  expect(valuesOf(got.events)).toEqual(['at hand'])
  expect((await bus.lag(group)).find(({ topic }) => topic === eventsTopic)).toMatchObject({ records: 1 })
})

it('subscribes to nothing for patterns that stand for no topic', async () => {
  const { app, group } = await open({ topicsOf: () => [] })
  await app.listen()
  expect(await bus.lag(group)).toEqual([])
  await app.close()
})

it('refuses two handlers for one topic', async () => {
  const { app } = await open({ topicsOf: () => [eventsTopic] })
  await expect(app.listen()).rejects.toThrow('two handlers')
  await app.close()
  const { transport } = await open()
  const handler = async () => 'done'
  transport.addHandler(eventsTopic, handler, true)
  expect(() => transport.addHandler(eventsTopic, handler, true)).toThrow('two handlers')
})
