import { createHash, randomUUID } from 'node:crypto'
import { createKafkaBus, createPostgresParkingLot } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { specBrokers } from '@countersign/kafka/spec-brokers'
import kafkajs, { type Admin, type IHeaders, type Kafka, type Message, type Producer } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { intakeOnBus, type IntakeOnBus, intentEvent, reportEvent, settled } from './records.fixture.ts'

const timing = {
  sessionMs: 6_000,
  heartbeatMs: 200,
  rebalanceMs: 6_000,
  maxWaitMs: 50,
  commitMs: 20,
  pollMs: 50,
  leaveMs: 2_000,
  backoffMs: () => 5,
}
const contentType = { 'content-type': 'application/cloudevents+json' }

let at: IntakeOnBus
let kafka: Kafka
let admin: Admin
let producer: Producer

const create = async (...names: readonly string[]): Promise<void> => {
  await admin.createTopics({ topics: names.map((topic) => ({ topic, numPartitions: 2 })), waitForLeaders: true })
}
const ready = async (): Promise<{ status: string; checks: { name: string; code?: string }[] }> =>
  (await (await fetch(new URL('/readyz', at.url))).json()) as never
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50))
}

beforeAll(async () => {
  kafka = new kafkajs.Kafka({ brokers: [...specBrokers()], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 10 } })
  admin = kafka.admin()
  producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  await create(topics.quarantine)
  at = await intakeOnBus(
    {},
    {
      openBus: ({ pool, log }) =>
        createKafkaBus({
          brokers: specBrokers(),
          clientId: 'countersign-intake',
          parking: createPostgresParkingLot(pool),
          log,
          onDead: (error) => {
            throw error
          },
          timing,
        }),
    },
  )
}, 120_000)
afterAll(async () => {
  await at.close()
  await Promise.all([admin.disconnect(), producer.disconnect()])
})
beforeEach(async () => {
  await at.superuser.query('delete from countersign.refusal_count')
})

const published = () => at.events('ActionIntentPublished')
const refused = () => at.events('ActionIntentRefused')

/** Sends raw records and waits until intake has answered all of them. */
const send = async (messages: readonly Message[], topic = topics.intents('etl')): Promise<void> => {
  await producer.send({ topic, messages: [...messages] })
  await settled(at.bus, 'etl')
}
const message = (value: unknown, change: Partial<Message> = {}): Message => ({
  key: 'k',
  value: value === null || Buffer.isBuffer(value) || typeof value === 'string' ? value : JSON.stringify(value),
  headers: contentType,
  ...change,
})

describe('the topics of a producer', () => {
  it('may be missing: intake serves, says so, and takes them once they are there', async () => {
    await until(async () => (await ready()).checks.some(({ code }) => code === 'topic_missing'))
    expect((await ready()).status).toBe('degraded')
    await create(topics.intents('etl'), topics.executions('etl'))
    // The other producer's are still missing, and hold up nobody.
    const event = intentEvent()
    await producer.send({ topic: topics.intents('etl'), messages: [message(event)] })
    await until(async () => (await published()).some(({ requestId }) => requestId === event.id))
    expect((await ready()).checks).toContainEqual(
      expect.objectContaining({ name: 'producer_topics', code: 'topic_missing' }),
    )
    await create(topics.intents('rival'), topics.executions('rival'))
    await until(async () => (await ready()).status === 'ready')
  }, 120_000)
})

describe('a record that a foreign client wrote', () => {
  it('is published, collected and redeemed over HTTP, and reported on its topic', async () => {
    const event = intentEvent()
    await send([message(event)])
    const intentId = String((await published()).find(({ requestId }) => requestId === event.id)?.['intentId'])
    await at.allow(intentId)
    const collected = await at.call({ as: 'etl', path: `/v1/intents/${intentId}/grant` })
    const grantId = String(collected.answer['grantId'])
    const { action, target, environment, parameters } = event.data
    const body = {
      token: collected.answer['token'],
      redemptionId: randomUUID(),
      action,
      target,
      environment,
      parameters,
    }
    expect((await at.call({ as: 'etl', path: `/v1/grants/${grantId}/redeem`, body })).code).toBe('ok')
    const report = reportEvent(intentId, { grantId, executionId: randomUUID(), outcome: 'succeeded' })
    await send([message(report, { key: intentId })], topics.executions('etl'))
    const { answer } = await at.call({ as: 'etl', method: 'GET', path: `/v1/intents/${intentId}` })
    expect(answer['state']).toBe('succeeded')
  })

  it.each<[string, Partial<Message>]>([
    ['B126 without a key', { key: null }],
    [
      'B132 with a thousand headers',
      {
        headers: {
          ...contentType,
          ...Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`h${index}`, 'x'])),
        },
      },
    ],
    ['B132 with a header twice', { headers: { ...contentType, twice: ['one', 'two'] } as IHeaders }],
    [
      'B132 with a reply topic',
      { headers: { ...contentType, kafka_replyTopic: topics.events, kafka_correlationId: '1' } },
    ],
    [
      'B132 with a forged traceparent',
      { headers: { ...contentType, traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` } },
    ],
    ['B134 of 1970', { timestamp: '1' }],
  ])('%s is an intent like any other', async (_name, change) => {
    const event = intentEvent()
    await send([message(event, change)])
    expect((await published()).filter(({ requestId }) => requestId === event.id)).toHaveLength(1)
  })

  it.each<[string, Message, string]>([
    [
      'for another producer’s agent',
      message(intentEvent({ id: 'claims' }, { agent: { name: 'rival-bot' } })),
      'agent_not_yours',
    ],
    [
      'B136 of an internal type',
      message(intentEvent({ id: 'internal', type: 'dev.countersign.ReviewApproved.v1' })),
      'wrong_event_type',
    ],
    ['B135 with a tenant', message(intentEvent({ id: 'tenant', tenantid: randomUUID() })), 'unknown_field'],
  ])('%s is refused and recorded with its id', async (_name, record, code) => {
    await send([record])
    const { id } = JSON.parse(String(record.value)) as { id: string }
    expect((await refused()).at(-1)).toMatchObject({
      code,
      requestId: id,
      carrier: 'bus',
      metadata: { producer: 'etl' },
    })
  })

  it('B134 of the year 2100 is refused by the broker, to its producer', async () => {
    const late = message(intentEvent(), { timestamp: String(Date.UTC(2100, 0, 1)) })
    await expect(send([late])).rejects.toThrow(/timestamp/)
  })

  it('B130 with the id of another is refused', async () => {
    await send([message(intentEvent({ id: 'same' })), message(intentEvent({ id: 'same' }, { target: 'other' }))])
    expect((await refused()).at(-1)).toMatchObject({ code: 'id_conflict', requestId: 'same' })
  })

  it.each<[string, Message, string]>([
    ['B126 a tombstone', message(null), 'no_value'],
    ['B126 an empty value', message(''), 'no_value'],
    ['B127 text', message('hello'), 'invalid_json'],
    ['B127 Avro', message(Buffer.from([0, 0, 0, 0, 7])), 'invalid_json'],
    ['B127 half of an event', message(JSON.stringify(intentEvent()).slice(0, 50)), 'invalid_json'],
    ['B132 no headers', message(intentEvent(), { headers: {} }), 'unsupported_media_type'],
    [
      'B132 a header that is not UTF-8',
      message(intentEvent(), { headers: { ...contentType, bad: Buffer.from([0xff]) } }),
      'header_not_text',
    ],
    ['B126 a key that is not UTF-8', message(intentEvent(), { key: Buffer.from([0xff, 0xfe]) }), 'key_not_text'],
    ['larger than an intent may be', message(`{"a":"${'x'.repeat(400_000)}"}`), 'body_too_large'],
  ])('%s is quarantined and recorded, and what follows it flows', async (_name, record, code) => {
    const after = intentEvent()
    await send([record, message(after, { key: record.key === null ? null : 'k' })])
    const [row] = await at.rows<Record<string, unknown>>(
      'select * from intake.quarantined order by quarantined_at desc limit 1',
    )
    const { value } = record
    const digest = value === null ? null : `sha256:${createHash('sha256').update(value).digest('hex')}`
    expect(row).toMatchObject({
      reason: code,
      bytes_digest: digest,
      topic: topics.intents('etl'),
      group_name: 'countersign.intake.etl',
    })
    expect(await at.counted()).toEqual({ [code]: 1 })
    expect((await refused()).at(-1)).toMatchObject({ code, carrier: 'bus' })
    expect((await published()).filter(({ requestId }) => requestId === after.id)).toHaveLength(1)
  })

  it('of another producer goes on while one writes garbage', async () => {
    await at.registers.agent({
      tenantId: at.tenantId,
      agent: 'rival-bot',
      kind: 'agent',
      producer: 'rival',
      issuer: at.issuer,
      clientId: null,
      ownerSubject: null,
      ownerGroup: null,
      changedBy: null,
      seeded: true,
    })
    const event = intentEvent({ source: '/rival' }, { agent: { name: 'rival-bot' } })
    await producer.send({
      topic: topics.intents('etl'),
      messages: Array.from({ length: 300 }, (_, index) => message(`garbage ${index}`)),
    })
    await producer.send({ topic: topics.intents('rival'), messages: [message(event)] })
    await settled(at.bus, 'rival')
    await settled(at.bus, 'etl')
    expect((await published()).filter(({ requestId }) => requestId === event.id)).toEqual([
      expect.objectContaining({ producer: 'rival' }),
    ])
    expect(await at.counted()).toEqual({ invalid_json: 300 })
  })
})
