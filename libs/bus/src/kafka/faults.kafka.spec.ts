import { startTestBroker, type TestBroker } from '@countersign/kafka'
import kafkajs from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BusObservation } from '../bus.ts'
import { newGroup, record, Recorder, recordsOf, settled, text } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench, quickTiming } from '../kafka-bench.fixture.ts'
import { cuttingProxy } from '../cutting-proxy.fixture.ts'

const numbered = (count: number): string[] => Array.from({ length: count }, (_, nth) => String(nth))
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Deliveries by value. */
const timesOf = (...recorders: readonly Recorder[]): Map<string, number> => {
  const times = new Map<string, number>()
  for (const { records } of recorders.flatMap(({ batches }) => batches)) {
    for (const { value } of records) times.set(text(value) ?? '', (times.get(text(value) ?? '') ?? 0) + 1)
  }
  return times
}

/** What came of a broker that stood still for 45 s. */
const standstill = async (): Promise<{ readonly values: readonly unknown[]; readonly dead: readonly Error[] }> => {
  const broker = await startTestBroker()
  const bench = await makeKafkaBench(broker.brokers)
  try {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const dead: Error[] = []
    const { bus } = await bench.open({ onDead: (error) => dead.push(error) })
    const got = await record(bus, topic, { group })
    await bus.publish(recordsOf(topic, 'k', ['before']))
    await got.count(1)
    broker.freeze()
    const during = bus.publish(recordsOf(topic, 'k', ['during']))
    await sleep(45_000)
    broker.thaw()
    await during
    await bus.publish(recordsOf(topic, 'k', ['after']))
    await got.until(({ values }) => values.includes('after'))
    await settled(bus, group)
    return { values: [...new Set(got.values)], dead }
  } finally {
    await bench.close()
    await broker.stop()
  }
}

// It waits most of the time, so it runs beside everything else and is looked at last.
let stoodStill: ReturnType<typeof standstill>
beforeAll(() => {
  stoodStill = standstill()
  // Said by the test; until then a failure is nobody's.
  stoodStill.catch(() => undefined)
})

describe('the kafka driver with a broker that fails', () => {
  let broker: TestBroker
  let bench: KafkaBench
  beforeAll(async () => {
    broker = await startTestBroker()
    bench = await makeKafkaBench(broker.brokers)
  })
  afterEach(() => bench.closeOpened())
  afterAll(async () => {
    await bench.close()
    await broker.stop()
  })

  it('shares the partitions in a group, and hands a batch over by a rebalance without delivering it twice', async () => {
    const topic = await bench.makeTopic(4)
    const group = newGroup()
    const [one, two] = [await bench.open(), await bench.open()]
    await one.bus.publish(numbered(40).flatMap((value) => recordsOf(topic, `key ${value}`, [value])))
    const release = Promise.withResolvers<'done'>()
    const first = await record(one.bus, topic, { group, answer: () => release.promise })
    await first.until(({ batches }) => batches.length === 1)
    const joining = record(two.bus, topic, { group })
    // Longer than a heartbeat: the group asks for a rebalance while the batch is with the handler.
    await sleep(600)
    release.resolve('done')
    const second = await joining
    await settled(one.bus, group)
    await one.bus.publish(numbered(40).flatMap((value) => recordsOf(topic, `key ${value}`, [`late ${value}`])))
    // Either of them may get the last one.
    const all = () => first.records.length + second.records.length >= 80
    await Promise.race([first.until(all), second.until(all)])
    await settled(one.bus, group)
    expect(Math.max(...timesOf(first, second).values())).toBe(1)
    const late = (recorder: Recorder) => recorder.values.filter((value) => value?.startsWith('late')).length
    expect(Math.min(late(first), late(second))).toBeGreaterThan(0)
  })

  it.each([
    ['is stopped in order', 'SIGTERM'],
    ['is killed', 'SIGKILL'],
  ] as const)('loses nothing acknowledged and resumes by itself when the broker %s', async (_, signal) => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const dead: Error[] = []
    const outages = Promise.withResolvers<BusObservation>()
    const { bus } = await bench.open({
      onDead: (error) => dead.push(error),
      observe: (each) => each.kind === 'outage' && outages.resolve(each),
    })
    const got = await record(bus, topic, { group })
    await bus.publish(recordsOf(topic, 'k', ['before']))
    await got.count(1)
    await broker.end(signal)
    const during = Promise.all(numbered(20).map((value) => bus.publish(recordsOf(topic, 'k', [value]))))
    // The driver says so once the broker has been silent for a session.
    expect(await outages.promise).toMatchObject({ group, topic })
    await broker.restart()
    await during
    await bus.publish(recordsOf(topic, 'k', ['after']))
    await got.until(({ values }) => values.includes('after'))
    // At least once: what was sent without an answer may be there twice, first sightings keep their order.
    expect([...new Set(got.values)]).toEqual(['before', ...numbered(20), 'after'])
    await settled(bus, group)
    expect(dead).toEqual([])
  })

  // Closed while kafkajs looks for the broker, and while it has decided to begin anew.
  it.each([0, 1_000])('leaves no zombie in the group when it is closed %i ms into a recovery', async (ms) => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const { bus } = await bench.open()
    const got = await record(bus, topic, { group })
    await broker.end('SIGKILL')
    await sleep(ms)
    const closed = bus.close()
    await broker.restart()
    await closed
    const members = async () => (await bench.admin.describeGroups([group])).groups[0]?.members.length
    // What is left of the member goes when its session is over; one that came back would stay.
    while ((await members()) !== 0) await sleep(100)
    await sleep(2 * quickTiming.sessionMs)
    expect(await members()).toBe(0)
    const { bus: other } = await bench.open()
    await other.publish(recordsOf(topic, 'k', ['for nobody']))
    expect(got.batches).toEqual([])
  })
})

describe('the kafka driver with a broker that works', () => {
  let broker: TestBroker
  let bench: KafkaBench
  beforeAll(async () => {
    broker = await startTestBroker()
    bench = await makeKafkaBench(broker.brokers)
  })
  afterEach(() => bench.closeOpened())
  afterAll(async () => {
    await bench.close()
    await broker.stop()
  })

  it.each<readonly [what: string, thrown: () => unknown]>([
    ...[Error, TypeError, RangeError, ReferenceError, SyntaxError].map(
      (Thrown) => [Thrown.name, () => new Thrown('down')] as const,
    ),
    ['plain object', () => ({ name: 'TypeError', retriable: false })],
    ['string', () => 'down'],
    ['undefined', () => undefined],
    ['null', () => null],
    ['error of kafkajs that is not to be tried again', () => new kafkajs.KafkaJSNonRetriableError('down')],
    ['frozen error', () => Object.freeze(new TypeError('down'))],
  ])('takes a thrown %s for an outage that ends, never for the end of the consumer', async (_, thrown) => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const seen: BusObservation[] = []
    const dead: Error[] = []
    const { bus } = await bench.open({ observe: (each) => seen.push(each), onDead: (error) => dead.push(error) })
    let failures = 10
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const got = await record(bus, topic, {
      group,
      answer: () => {
        failures -= 1
        if (failures >= 0) throw thrown()
        return 'done'
      },
    })
    await settled(bus, group)
    expect(got.batches).toHaveLength(11)
    expect(seen.filter(({ kind }) => kind === 'outage')).toHaveLength(10)
    expect(dead).toEqual([])
  })

  it('keeps its membership while a handler takes longer than the session', async () => {
    const topic = await bench.makeTopic()
    const group = newGroup()
    const { bus } = await bench.open()
    await bus.publish(recordsOf(topic, 'k', ['slow', 'next']))
    const got = await record(bus, topic, {
      group,
      maxBatch: 1,
      answer: async ({ signal }) => {
        await sleep(3_000)
        return signal.aborted ? [{ park: 'aborted' }] : 'done'
      },
    })
    await settled(bus, group)
    expect([...timesOf(got).values()]).toEqual([1, 1])
    expect(await bus.parked(group)).toEqual([])
  })

  it('splits what a topic finds too large together, and refuses by itself what is too large alone', async () => {
    const topic = await bench.makeTopic(1, { 'max.message.bytes': '100000' })
    const { bus } = await bench.open()
    const large = (bytes: number) => ({ topic, key: 'k', value: Buffer.alloc(bytes), headers: {} })
    await bus.publish([large(60_000), large(60_000), large(60_000)])
    await expect(bus.publish([large(200_000)])).rejects.toMatchObject({ code: 'record_too_large' })
    const got = await record(bus, topic)
    await got.count(3)
    expect(got.records).toHaveLength(3)
  })

  it('says that a topic is missing instead of trying for a minute', async () => {
    const { bus } = await bench.open()
    await expect(bus.publish(recordsOf('no-such-topic', 'k', ['one']))).rejects.toMatchObject({ code: 'topic_missing' })
    await expect(record(bus, 'no-such-topic')).rejects.toMatchObject({ code: 'topic_missing' })
  })

  it('sends again when the acknowledgement is lost: everything is there, in order, some of it twice', async () => {
    const topic = await bench.makeTopic(1)
    const { bus: reader } = await bench.open()
    const proxy = await cuttingProxy(broker.port)
    const { bus } = await bench.open({ openSocket: proxy.openSocket })
    await bus.publish(recordsOf(topic, 'k', ['0']))
    proxy.loseNextProduceAnswer()
    await Promise.all(
      numbered(8)
        .slice(1)
        .map((value) => bus.publish(recordsOf(topic, 'k', [value]))),
    )
    expect(proxy.lost).toBe(1)
    const got = await record(reader, topic)
    await got.until(({ values }) => values.includes('7'))
    expect([...new Set(got.values)]).toEqual(numbered(8))
    expect(got.values.length).toBeGreaterThan(8)
    await proxy.close()
  })
})

it('the kafka driver outlives 45 s in which the broker stands still', async () => {
  expect(await stoodStill).toEqual({ values: ['before', 'during', 'after'], dead: [] })
})
