import { randomUUID } from 'node:crypto'
import { specBrokers } from '@countersign/kafka/spec-brokers'
import { topics } from '@countersign/contracts'
import kafkajs, { type Message, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BusObservation } from '../bus.ts'
import { newGroup, record, type Recorder, recordsOf, settled, text } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench } from '../kafka-bench.fixture.ts'
import { partitionByKey } from './partitioner.ts'

const numbered = (count: number): string[] => Array.from({ length: count }, (_, nth) => String(nth))
/** What no log line, observation or error may hold. */
const secret = 'hunter2'
const lastPossible = '9223372036854775807'

describe('the kafka driver and what other clients write', () => {
  let bench: KafkaBench
  let foreign: Producer
  beforeAll(async () => {
    bench = await makeKafkaBench(specBrokers())
    foreign = bench.kafka.producer({ createPartitioner: partitionByKey })
    await foreign.connect()
  })
  afterEach(() => bench.closeOpened())
  afterAll(async () => {
    await foreign.disconnect()
    await bench.close()
  })

  /** Lets a consumer have what was written to the topic and, behind it, a record of another key that has to come. */
  const consume = async (topic: string, answer?: Parameters<typeof record>[2] & object) => {
    const [group, seen, lines, dead] = [newGroup(), [] as BusObservation[], [] as string[], [] as Error[]]
    const { bus } = await bench.open({
      observe: (each) => seen.push(each),
      log: (line) => lines.push(line),
      onDead: (error) => dead.push(error),
    })
    await foreign.send({ topic, messages: [{ key: 'other', value: 'after' }] })
    const got = await record(bus, topic, { group, ...answer })
    await got.until(({ values }) => values.includes('after'))
    await settled(bus, group)
    expect(dead).toEqual([])
    expect(JSON.stringify([seen, lines])).not.toContain(secret)
    const quarantined = seen.flatMap((each) =>
      each.kind === 'quarantined' ? Array.from({ length: each.records }, () => each.reason) : [],
    )
    return { bus, group, got, quarantined, records: before(got) }
  }
  const before = ({ records }: Recorder) => records.filter(({ key }) => key !== 'other')

  const cases: readonly (readonly [what: string, message: Message, delivered: object])[] = [
    ['no value', { key: 'k', value: null }, { key: 'k', value: null }],
    ['an empty value', { key: 'k', value: '' }, { key: 'k', value: Buffer.alloc(0) }],
    ['no key', { key: null, value: secret }, { key: null }],
    ['a key of a megabyte', { key: secret.padEnd(1_000_000, 'k'), value: null }, { key: expect.any(String) }],
    [
      'a thousand headers',
      { key: 'k', value: '', headers: Object.fromEntries(numbered(1_000).map((nth) => [`h${nth}`, secret])) },
      { headers: expect.objectContaining({ h0: secret, h999: secret }) },
    ],
    [
      'a header of a megabyte',
      { key: 'k', value: '', headers: { h: secret.padEnd(1_000_000, 'h') } },
      { headers: { h: expect.stringMatching(/h{1000}$/) } },
    ],
    ['a header twice', { key: 'k', value: '', headers: { h: ['first', 'last'] } }, { headers: { h: 'last' } }],
    [
      'headers that are called like what every object has',
      { key: 'k', value: '', headers: { ['__proto__']: 'own', constructor: 'own', toString: 'own' } },
      { headers: expect.objectContaining({ constructor: 'own', toString: 'own' }) },
    ],
    ['a value larger than ours', { key: 'k', value: Buffer.alloc(1_048_000) }, { key: 'k' }],
  ]
  it.each(cases)('delivers a record with %s', async (_, message, delivered) => {
    const topic = await bench.makeTopic(1)
    await foreign.send({ topic, messages: [message] })
    const { records, quarantined } = await consume(topic)
    expect(records).toMatchObject([delivered])
    expect(quarantined).toEqual([])
  })

  it.each([
    ['in 1970', '0', '1970-01-01T00:00:00.000Z'],
    ['in 2100', String(Date.UTC(2100, 0)), '2100-01-01T00:00:00.000Z'],
    ['that is none', '-1', '1970-01-01T00:00:00.000Z'],
    ['that no calendar has', String(2 ** 53), '9999-12-31T23:59:59.999Z'],
    ['at the end of all times', lastPossible, '9999-12-31T23:59:59.999Z'],
  ])('delivers a record that claims a time %s', async (_, timestamp, shown) => {
    const topic = await bench.makeTopic(1, {
      'message.timestamp.after.max.ms': lastPossible,
      'retention.ms': '-1',
    })
    await foreign.send({ topic, messages: [{ key: 'k', value: '', timestamp }] })
    expect((await consume(topic)).records).toMatchObject([{ timestamp: shown }])
  })

  it('sends nothing to the topic that a reply header names', async () => {
    const [topic, reply] = [await bench.makeTopic(1), await bench.makeTopic(1)]
    const headers = { kafka_replyTopic: reply, kafka_correlationId: '1', kafka_replyPartition: '0' }
    await foreign.send({ topic, messages: [{ key: 'k', value: '{}', headers }] })
    expect((await consume(topic)).records).toMatchObject([{ headers }])
    expect(await bench.admin.fetchTopicOffsets(reply)).toMatchObject([{ high: '0' }])
  })

  it.each([
    ['a key that is no UTF-8', { key: Buffer.from([0xff, 0xfe]), value: secret }, 'key_not_text'],
    ['a key with a zero', { key: `${secret}\0`, value: secret }, 'key_not_text'],
    ['a header that is no UTF-8', { value: secret, headers: { h: Buffer.from([0xc3]) } }, 'header_not_text'],
    ['a header with a zero', { value: secret, headers: { h: `${secret}\0` } }, 'header_not_text'],
  ] as const)('quarantines a record with %s', async (_, message, reason) => {
    const topic = await bench.makeTopic(1)
    await foreign.send({ topic, messages: [message] })
    const { records, quarantined } = await consume(topic)
    expect(records).toEqual([])
    expect(quarantined).toEqual([reason])
  })

  it('quarantines a record whose key is as large as a record, and announces it under the hash of the key', async () => {
    const topic = await bench.makeTopic(1)
    await foreign.send({ topic, messages: [{ key: secret.padEnd(1_048_400, 'k'), value: '' }] })
    const { bus, group, quarantined } = await consume(topic, {
      answer: ({ records }) => records.map(({ key }) => (key === 'other' ? 'done' : { quarantine: 'schema_invalid' })),
    })
    expect(quarantined).toEqual(['schema_invalid'])
    const notices = await record(bus, topics.quarantine)
    const isOurs = ({ value }: { value: Uint8Array | null }) => text(value)?.includes(group) === true
    await notices.until(({ records }) => records.some(isOurs))
    expect(notices.records.find(isOurs)?.key).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads batches that are packed with %s', async (codec) => {
    const topic = await bench.makeTopic(1, { 'compression.type': codec })
    const values = numbered(500).map((nth) => `${nth} ${'repeated '.repeat(Number(nth) % 60)}${randomUUID()}`)
    await foreign.send({ topic, messages: values.map((value) => ({ key: 'k', value })) })
    const { records } = await consume(topic)
    expect(records.map(({ value }) => text(value))).toEqual(values)
  })

  it('quarantines a packed batch that unpacks to more than a process should hold, as one', async () => {
    const topic = await bench.makeTopic(1)
    const messages = [{ key: 'k', value: Buffer.alloc(20 << 20) }]
    await foreign.send({ topic, messages, compression: kafkajs.CompressionTypes.GZIP })
    const { records, quarantined } = await consume(topic)
    expect(records).toEqual([])
    expect(quarantined).toEqual(['batch_unreadable'])
  })

  it('leaves a message beyond the limit of the broker to whoever wrote it', async () => {
    const topic = await bench.makeTopic(1)
    const tooLarge = foreign.send({ topic, messages: [{ value: Buffer.alloc(1_048_577) }] })
    await expect(tooLarge).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    expect((await consume(topic)).records).toEqual([])
  })

  it('delivers what transactions committed, and passes what they aborted and their marks', async () => {
    const topic = await bench.makeTopic(1)
    const group = newGroup()
    const writer = bench.kafka.producer({
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      createPartitioner: partitionByKey,
    })
    await writer.connect()
    for (const [value, end] of [
      ['first', 'commit'],
      ['dropped', 'abort'],
      ['second', 'commit'],
      ['dropped too', 'abort'],
    ] as const) {
      const transaction = await writer.transaction()
      await transaction.send({ topic, messages: [{ key: 'k', value }] })
      await transaction[end]()
    }
    await writer.disconnect()
    const { bus } = await bench.open()
    const got = await record(bus, topic, { group })
    // The last offset is a mark: the group is not through before it has passed that.
    await settled(bus, group)
    expect(got.values).toEqual(['first', 'second'])
    await bus.publish(recordsOf(topic, 'k', ['third']))
    await got.count(3)
    expect(got.values).toEqual(['first', 'second', 'third'])
  })

  it('passes the places of records that were compacted away', async () => {
    const topic = await bench.makeTopic(1, {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.001',
      'segment.ms': '50',
    })
    const messages = numbered(1_000).map((value) => ({ key: 'same', value }))
    await foreign.send({ topic, messages: [{ key: 'kept', value: 'kept' }, ...messages] })
    const { bus } = await bench.open()
    for (;;) {
      await foreign.send({ topic, messages: [{ key: 'same', value: 'newest' }] })
      const group = newGroup()
      const got = await record(bus, topic, { group })
      await settled(bus, group)
      await got.subscription.stop()
      if (got.values.length < 1_000) {
        expect(got.values).toContain('kept')
        expect(got.values).toContain('newest')
        return
      }
    }
  })
})
