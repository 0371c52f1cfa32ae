import { expect, it } from 'vitest'
import type { DeliveredBatch, RecordOutcome } from './bus.ts'
import { type BusBench, newGroup, parkedBecomes, record, recordsOf, settled, text } from './contract-bench.ts'

/** Parks every record whose value is listed. */
const parkThese =
  (poison: ReadonlySet<string>) =>
  ({ records }: DeliveredBatch): RecordOutcome[] =>
    records.map(({ value }) => (poison.has(text(value) ?? '') ? { park: 'state_unknown' } : 'done'))

/** What drivers do with a poisonous record and its key. */
export const parkingContract = (bench: () => BusBench): void => {
  it('stops only the key of a poisonous record, and keeps all that follows on it in order', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const poison = new Set(['a2'])
    const got = await record(bus, topic, { group, maxBatch: 4, answer: parkThese(poison) })
    await bus.publish([...recordsOf(topic, 'a', ['a1', 'a2', 'a3']), ...recordsOf(topic, 'b', ['b1', 'b2'])])
    await bus.publish([...recordsOf(topic, 'a', ['a4', 'a5']), ...recordsOf(topic, 'b', ['b3'])])
    await got.until(() => got.valuesOf('b').length === 3)
    await settled(bus, group)
    expect(got.valuesOf('b')).toEqual(['b1', 'b2', 'b3'])
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 4 }])
    const parkedAt = expect.stringMatching(/Z$/)
    expect(await bus.parked(group)).toEqual([{ topic, key: 'a', reason: 'state_unknown', records: 4, parkedAt }])
    await settled(bus, group)
    expect(got.valuesOf('a')).not.toContain('a5')

    poison.clear()
    got.forget()
    expect(await bus.redrive(group, topic, 'a')).toBe(4)
    await got.count(4)
    await bus.publish(recordsOf(topic, 'a', ['a6']))
    await got.count(5)
    expect(got.values).toEqual(['a2', 'a3', 'a4', 'a5', 'a6'])
    await settled(bus, group)
    expect(await bus.parked(group)).toEqual([])
  })

  it('delivers redriven records before later ones of their key, over a restart too', async () => {
    const topic = await bench().makeTopic()
    const group = newGroup()
    const first = await bench().open()
    await first.bus.publish(recordsOf(topic, 'a', ['a1', 'a2', 'a3']))
    const before = await record(first.bus, topic, { group, answer: parkThese(new Set(['a1'])) })
    await before.count(3)
    await settled(first.bus, group)
    await before.subscription.stop()
    await first.bus.publish(recordsOf(topic, 'a', ['a4']))
    expect(await first.bus.redrive(group, topic, 'a')).toBe(3)
    const { bus } = await bench().open()
    const after = await record(bus, topic, { group, maxBatch: 1 })
    await after.count(4)
    expect(after.values).toEqual(['a1', 'a2', 'a3', 'a4'])
  })

  it('stops a key again when its redriven record is parked again, with all that is behind it', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const poison = new Set(['a1', 'a2'])
    await bus.publish(recordsOf(topic, 'a', ['a1', 'a2', 'a3']))
    const got = await record(bus, topic, { group, answer: parkThese(poison) })
    await got.count(3)
    await settled(bus, group)
    poison.delete('a1')
    await bus.redrive(group, topic, 'a')
    await parkedBecomes(bus, group, 2)
    await bus.publish(recordsOf(topic, 'a', ['a4']))
    await parkedBecomes(bus, group, 3)
    poison.clear()
    got.forget()
    await bus.redrive(group, topic, 'a')
    await parkedBecomes(bus, group, 0)
    expect(got.values).toEqual(['a2', 'a3', 'a4'])
  })

  it('keeps its place for a record that a replay finds before the parked one', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const poison = new Set(['a2'])
    await bus.publish(recordsOf(topic, 'a', ['a1', 'a2', 'a3']))
    const got = await record(bus, topic, { group, answer: parkThese(poison) })
    await got.count(3)
    await settled(bus, group)
    await got.subscription.seek(topic, 'earliest')
    await parkedBecomes(bus, group, 3)
    poison.clear()
    got.forget()
    await bus.redrive(group, topic, 'a')
    await got.count(3)
    expect(got.values).toEqual(['a1', 'a2', 'a3'])
  })

  it('parks a record without key alone', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const poison = new Set(['n1'])
    const got = await record(bus, topic, { group, maxBatch: 1, answer: parkThese(poison) })
    await bus.publish(recordsOf(topic, null, ['n1', 'n2']))
    await got.count(2)
    await settled(bus, group)
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 1 }])
    poison.clear()
    got.forget()
    expect(await bus.redrive(group, topic, null)).toBe(1)
    await parkedBecomes(bus, group, 0)
    expect(got.values).toEqual(['n1'])
    expect(await bus.redrive(group, topic, 'never parked')).toBe(0)
  })
}
