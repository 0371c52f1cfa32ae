import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { OutboundRecord } from './bus.ts'
import { type BusBench, newGroup, record, recordsOf, settled, text } from './contract-bench.ts'
import { failureContract } from './failure.contract.ts'
import { parkingContract } from './parking.contract.ts'

export type { BusBench, OpenBus } from './contract-bench.ts'

/** What every driver of `Bus` must do. Each test is a sentence of the port's contract. */
export const busContract = (name: string, makeBench: () => Promise<BusBench>): void => {
  describe(`bus contract: ${name}`, () => {
    let bench: BusBench
    beforeAll(async () => {
      bench = await makeBench()
    })
    afterEach(() => bench.closeOpened())
    afterAll(() => bench.close())

    deliveryContract(() => bench)
    progressContract(() => bench)
    failureContract(() => bench)
    parkingContract(() => bench)
  })
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, nth) => String(nth))

const deliveryContract = (bench: () => BusBench): void => {
  it('delivers records as they were published: null, empty, binary, every header', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const headers = { traceparent: '00-1-2-01', kafka_replyTopic: 'attacker', ce_type: 'é "quoted" \\ {}' }
    const published: OutboundRecord[] = [
      { topic, key: 'k', value: null, headers: {} },
      { topic, key: 'k', value: new Uint8Array(), headers },
      { topic, key: 'k', value: Uint8Array.of(0, 255, 92, 34), headers: {} },
      { topic, key: '', value: Buffer.from('empty key'), headers: {} },
      { topic, key: null, value: Buffer.from('no key'), headers: {} },
    ]
    await bus.publish(published)
    const got = await record(bus, topic)
    await got.count(5)
    for (const { key, value, headers: sent } of published) {
      const same = got.records.find((each) => each.key === key && text(each.value) === text(value))
      expect(same).toMatchObject({ topic, headers: sent })
      expect(same?.value === null ? null : Buffer.from(same?.value ?? [])).toEqual(value && Buffer.from(value))
      expect(same?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
    expect(new Set(got.records.map(({ key, position }) => `${key} ${position}`)).size).toBe(5)
  })

  it('loses nothing of many publishers at once and keeps the order of each key', async () => {
    const topic = await bench().makeTopic()
    const { bus: reader } = await bench().open()
    const got = await record(reader, topic, { maxBatch: 50 })
    const publishers = await Promise.all([1, 2, 3].map(() => bench().open()))
    const keys = numbered(12)
    await Promise.all(
      keys.flatMap((key, nth) => {
        const { bus } = publishers[nth % publishers.length] ?? { bus: reader }
        // Not awaited one by one: order is the order of the calls.
        return numbered(60).map((value) => bus.publish(recordsOf(topic, key, [value])))
      }),
    )
    await got.count(12 * 60)
    for (const key of keys) expect(got.valuesOf(key)).toEqual(numbered(60))
  })

  it('keeps the order of a call that is larger than a batch', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const got = await record(bus, topic)
    await bus.publish(recordsOf(topic, 'k', numbered(1_201)))
    await got.count(1_201)
    expect(got.values).toEqual(numbered(1_201))
  })

  it('delivers what waits in batches, none above the limit', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    await bus.publish(recordsOf(topic, 'k', numbered(12)))
    const got = await record(bus, topic, { maxBatch: 5 })
    await got.count(12)
    expect(Math.max(...got.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(5)
    expect(got.batches.length).toBeLessThan(12)
  })

  it('ends a batch before a megabyte, and delivers a record of that size alone', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const large = (bytes: number): OutboundRecord => ({ topic, key: 'k', value: Buffer.alloc(bytes), headers: {} })
    await bus.publish([large(400_000), large(400_000), large(400_000), large(999_000)])
    const got = await record(bus, topic)
    await got.count(4)
    for (const { records } of got.batches) {
      const bytes = records.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0)
      expect(bytes).toBeLessThanOrEqual(1_000_000)
    }
  })

  it('refuses a record that no driver can carry before anything is sent, and only that call', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const good = recordsOf(topic, 'k', ['good'])
    const uncarriable: Partial<OutboundRecord>[] = [
      { topic: 'no spaces' },
      { topic: '' },
      { key: 'nul\0' },
      { key: '\uD800' },
      { headers: { name: '\0' } },
      { headers: { '\uDFFF': 'name' } },
      { value: Buffer.alloc(1_000_001) },
    ]
    const calls = uncarriable.map((part) =>
      bus.publish([...good, { topic, key: 'k', value: null, headers: {}, ...part }]),
    )
    const [fine, ...refused] = await Promise.allSettled([bus.publish(good), ...calls])
    expect(fine.status).toBe('fulfilled')
    for (const each of refused) expect(each).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) })
    const group = newGroup()
    const got = await record(bus, topic, { group })
    await got.count(1)
    await settled(bus, group)
    expect(got.values).toEqual(['good'])
  })

  it('reads nothing more than one batch ahead of a slow handler, which it never calls twice at once', async () => {
    const topic = await bench().makeTopic()
    const slowGroup = newGroup()
    let fetched = 0
    const { bus } = await bench().open({
      observe: (seen) => {
        if (seen.kind === 'fetched' && seen.group === slowGroup) fetched += seen.records
      },
    })
    await bus.publish(recordsOf(topic, 'k', numbered(100)))
    const release = Promise.withResolvers<'done'>()
    const slow = await record(bus, topic, { group: slowGroup, maxBatch: 10, answer: () => release.promise })
    await slow.count(10)
    const quick = await record(bus, topic, { maxBatch: 10 })
    await quick.count(100)
    expect(fetched).toBeLessThanOrEqual(20)
    expect(slow.batches).toHaveLength(1)
    release.resolve('done')
    await slow.count(100)
    expect(slow.values).toEqual(numbered(100))
  })

  it('delivers as often as redelivery says and counts only the last answer', async () => {
    const { bus } = await bench().open({ redeliver: () => 3 })
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const answers = [[{ park: 'first_answer' }], [{ quarantine: 'second_answer' }], 'done'] as const
    const got = await record(bus, topic, { group, answer: () => answers[got.batches.length - 1] ?? 'done' })
    await got.until(({ batches }) => batches.length === 3)
    await settled(bus, group)
    expect(got.batches.flatMap(({ records }) => records.map(({ value }) => text(value)))).toEqual(['one', 'one', 'one'])
    expect(await bus.parked(group)).toEqual([])
  })
}

const progressContract = (bench: () => BusBench): void => {
  it('does not subscribe at all once that is given up', async () => {
    const { bus } = await bench().open()
    const [topic, group] = [await bench().makeTopic(), newGroup()]
    const signal = AbortSignal.abort()
    await expect(record(bus, topic, { group, signal })).rejects.toThrow('the subscription has stopped')
    await bus.publish(recordsOf(topic, 'k', ['one']))
    const got = await record(bus, topic, { group })
    await got.count(1)
  })

  it('gives every group all records, and each of them to one consumer of the group', async () => {
    const [one, two] = await Promise.all([bench().open(), bench().open()])
    const topic = await bench().makeTopic()
    const [shared, other] = [newGroup(), newGroup()]
    const pair = [await record(one.bus, topic, { group: shared }), await record(two.bus, topic, { group: shared })]
    const alone = await record(two.bus, topic, { group: other })
    await one.bus.publish(recordsOf(topic, 'k', numbered(20)))
    await alone.count(20)
    await settled(one.bus, shared)
    expect(pair.flatMap(({ values }) => values).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbered(20))
  })

  it('goes on after what was settled when the consumer starts again', async () => {
    const topic = await bench().makeTopic()
    const group = newGroup()
    const first = await bench().open()
    await first.bus.publish(recordsOf(topic, 'k', ['one', 'two']))
    const before = await record(first.bus, topic, { group })
    await before.count(2)
    await before.subscription.stop()
    await first.bus.publish(recordsOf(topic, 'k', ['three']))
    const { bus } = await bench().open()
    const after = await record(bus, topic, { group })
    await after.count(1)
    expect(after.values).toEqual(['three'])
  })

  it('begins with what comes next when asked for the latest, and stays there over a restart', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish(recordsOf(topic, 'k', ['old']))
    // Once another group has it, nothing keeps it back any more.
    await (await record(bus, topic)).count(1)
    const early = await record(bus, topic, { group, from: 'latest' })
    await early.subscription.stop()
    await bus.publish(recordsOf(topic, 'k', ['new']))
    const got = await record(bus, topic, { group, from: 'latest' })
    await got.count(1)
    expect(got.values).toEqual(['new'])
  })

  it('replays from a position, and from the earliest', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish(recordsOf(topic, 'k', numbered(6)))
    const got = await record(bus, topic, { group, maxBatch: 2 })
    await got.count(6)
    await settled(bus, group)
    const fourth = got.records[3]
    got.forget()
    await got.subscription.seek(topic, { position: fourth?.position ?? '' })
    await got.count(3)
    await settled(bus, group)
    expect(got.values).toEqual(['3', '4', '5'])
    got.forget()
    await got.subscription.seek(topic, 'earliest')
    await got.count(6)
    expect(got.values).toEqual(numbered(6))
    await expect(got.subscription.seek(topic, { position: 'made up' })).rejects.toThrow(TypeError)
  })

  it('delivers nothing while paused, and all of it afterwards', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const got = await record(bus, topic)
    got.subscription.pause()
    await bus.publish(recordsOf(topic, 'k', ['while paused']))
    await (await record(bus, topic)).count(1)
    expect(got.values).toEqual([])
    got.subscription.resume()
    await got.count(1)
  })

  it('counts what a group has not settled yet', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const release = Promise.withResolvers<'done'>()
    const got = await record(bus, topic, { group, answer: () => release.promise })
    await bus.publish(recordsOf(topic, 'k', numbered(7)))
    await got.count(1)
    expect(await got.subscription.lag()).toEqual([{ topic, records: 7, parked: 0 }])
    release.resolve('done')
    await settled(bus, group)
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 0 }])
  })
}
