import { specBrokers } from '@countersign/kafka/spec-brokers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newGroup, record, recordsOf, settled } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench } from '../kafka-bench.fixture.ts'

const numbered = (count: number): string[] => Array.from({ length: count }, (_, nth) => String(nth))

describe('two subscriptions of one process', () => {
  let bench: KafkaBench
  beforeAll(async () => {
    bench = await makeKafkaBench(specBrokers())
  })
  afterEach(() => bench.closeOpened())
  afterAll(() => bench.close())

  it('go on without each other: one whose handler stands still does not hold the other', async () => {
    const [stuck, free] = [await bench.makeTopic(), await bench.makeTopic()]
    const { bus } = await bench.open()
    const release = Promise.withResolvers<'done'>()
    const first = await record(bus, stuck, { answer: () => release.promise })
    const second = await record(bus, free)
    await bus.publish(recordsOf(stuck, 'k', ['held']))
    await first.count(1)
    for (const [nth, value] of numbered(20).entries()) {
      await bus.publish(recordsOf(free, 'k', [value]))
      await second.count(nth + 1)
    }
    expect(first.batches).toHaveLength(1)
    release.resolve('done')
  })

  it('go on without each other: one whose handler always fails does not hold the other', async () => {
    const [failing, free] = [await bench.makeTopic(), await bench.makeTopic()]
    const { bus } = await bench.open()
    await bus.publish(recordsOf(failing, 'k', ['poison']))
    const first = await record(bus, failing, {
      answer: () => {
        throw new Error('down')
      },
    })
    const second = await record(bus, free)
    await first.count(1)
    for (const [nth, value] of numbered(20).entries()) {
      await bus.publish(recordsOf(free, 'k', [value]))
      await second.count(nth + 1)
    }
  })

  it('go on beside each other: a flood on one does not keep the other from its records', async () => {
    const [flooded, free] = [await bench.makeTopic(), await bench.makeTopic()]
    const { bus } = await bench.open()
    const group = newGroup()
    const first = await record(bus, flooded, { group })
    const second = await record(bus, free)
    let isOver = false
    const flood = async () => {
      while (!isOver) await bus.publish(numbered(500).flatMap((key) => recordsOf(flooded, key, ['flood'])))
    }
    const flooding = [flood(), flood()]
    for (const [nth, value] of numbered(20).entries()) {
      await bus.publish(recordsOf(free, 'k', [value]))
      await second.count(nth + 1)
    }
    isOver = true
    await Promise.all(flooding)
    await settled(bus, group)
    expect(second.values).toEqual(numbered(20))
    expect(first.records.length).toBeGreaterThan(0)
  })
})
