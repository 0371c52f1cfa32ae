import { createHash } from 'node:crypto'
import { topics } from '@countersign/contracts'
import { expect, it } from 'vitest'
import type { BatchOutcome, Bus } from './bus.ts'
import { type BusBench, newGroup, parkedBecomes, Recorder, record, recordsOf, settled, text } from './contract-bench.ts'

/** What drivers do when handlers, bad records or processes fail. */
export const failureContract = (bench: () => BusBench): void => {
  outageContract(bench)
  quarantineContract(bench)
}

const outageContract = (bench: () => BusBench): void => {
  it('delivers again what a killed consumer had not recorded', async () => {
    const topic = await bench().makeTopic()
    const group = newGroup()
    const first = await bench().open()
    await first.bus.publish(recordsOf(topic, 'k', ['one', 'two']))
    const late = Promise.withResolvers<BatchOutcome>()
    const killed = await record(first.bus, topic, { group, answer: () => late.promise })
    await killed.count(2)
    first.kill()
    const { bus } = await bench().open()
    const heir = await record(bus, topic, { group })
    await heir.count(2)
    expect(heir.values).toEqual(['one', 'two'])
    late.resolve(killed.records.map(() => ({ park: 'too_late' })))
    await settled(bus, group)
    expect(await bus.parked(group)).toEqual([])
  })

  it('takes a thrown error for an outage: the whole batch again, nothing skipped, nothing parked', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish(recordsOf(topic, 'k', ['one', 'two', 'three']))
    const failures = [new Error('down'), new TypeError('a bug'), new RangeError('another')]
    const got = await record(bus, topic, {
      group,
      answer: () => {
        const failure = failures.shift()
        if (failure !== undefined) throw failure
        return 'done'
      },
    })
    await got.until(({ batches }) => batches.length >= 4)
    await settled(bus, group)
    for (const { records } of got.batches) {
      expect(records.map(({ value }) => text(value))).toEqual(['one', 'two', 'three'])
    }
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 0 }])
  })

  it('takes an answer that does not fit the batch for an outage', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish(recordsOf(topic, 'k', ['one', 'two']))
    const unfit = [undefined, null, 'parked', ['done'], ['done', 'later'], ['done', {}], ['done', 'done', 'done']]
    const got = await record(bus, topic, {
      group,
      answer: () => (unfit.length > 0 ? unfit.shift() : 'done') as BatchOutcome,
    })
    await settled(bus, group)
    expect(unfit).toEqual([])
    for (const { records } of got.batches) expect(records).toHaveLength(2)
  })

  it('has sent what was queued when it has closed', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const queued = bus.publish(recordsOf(topic, 'k', ['queued']))
    await bus.close()
    const turn = new Promise((resolve) => setImmediate(resolve, 'still queued'))
    expect(await Promise.race([queued.then(() => 'sent'), turn])).toBe('sent')
  })

  it('settles the batch at hand before it closes, and nothing after it', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const release = Promise.withResolvers<'done'>()
    await bus.publish(recordsOf(topic, 'k', ['at hand', 'next']))
    const got = await record(bus, topic, { group, maxBatch: 1, answer: () => release.promise })
    await got.count(1)
    const closed = bus.close()
    release.resolve('done')
    await closed
    expect(got.values).toEqual(['at hand'])
    await expect(bus.publish(recordsOf(topic, 'k', ['too late']))).rejects.toThrow('closed')
    const { bus: later } = await bench().open()
    const rest = await record(later, topic, { group })
    await rest.count(1)
    expect(rest.values).toEqual(['next'])
  })
}

const quarantineContract = (bench: () => BusBench): void => {
  it('announces a bad record with hash, coordinates, reason and the reference to its sealed bytes, and goes on', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    const sealed: unknown[] = []
    const got = new Recorder(({ records }) =>
      records.map(({ value }) => (text(value) === 'bad' ? { quarantine: 'schema_invalid' } : 'done')),
    )
    await bus.publish(recordsOf(topic, 'k', ['good', 'bad', 'after']))
    await bus.subscribe({
      group,
      topics: [topic],
      handle: got.handle,
      sealQuarantined: async (bytes, coordinates) => {
        sealed.push({ bytes: text(bytes), ...coordinates })
        return 'seal-1'
      },
    })
    const notice = await noticeOf(bus, group)
    await settled(bus, group)
    const position = got.records.find(({ value }) => text(value) === 'bad')?.position
    expect(sealed).toContainEqual({ bytes: 'bad', topic, position, group, reason: 'schema_invalid' })
    expect(notice.key).toBe('k')
    expect(JSON.parse(notice.value)).toEqual({
      hash: `sha256:${createHash('sha256').update('bad').digest('hex')}`,
      topic,
      position,
      group,
      reason: 'schema_invalid',
      publishedAt: expect.stringMatching(/Z$/),
      sealed: 'seal-1',
    })
    expect(got.valuesOf('k')).toEqual(['good', 'bad', 'after'])
    expect(await bus.lag(group)).toEqual([{ topic, records: 0, parked: 0 }])
  })

  it('publishes no reason that is not a code, for it could hold contents', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    await bus.publish([{ topic, key: null, value: null, headers: {} }])
    await record(bus, topic, { group, answer: () => [{ quarantine: 'password=hunter2' }] })
    const notice = await noticeOf(bus, group)
    expect(JSON.parse(notice.value)).toMatchObject({ hash: null, reason: 'reason_malformed', sealed: null })
  })

  it('goes on with nothing while the quarantine cannot be sealed', async () => {
    const { bus } = await bench().open()
    const topic = await bench().makeTopic()
    const group = newGroup()
    let failures = 2
    const got = new Recorder(() => [{ quarantine: 'schema_invalid' }])
    await bus.publish(recordsOf(topic, 'k', ['bad']))
    await bus.subscribe({
      group,
      topics: [topic],
      handle: got.handle,
      sealQuarantined: async () => {
        failures -= 1
        if (failures >= 0) throw new Error('the store is down')
        return 'seal-2'
      },
    })
    expect(JSON.parse((await noticeOf(bus, group)).value)).toMatchObject({ sealed: 'seal-2' })
    await settled(bus, group)
    expect(got.batches.length).toBeGreaterThanOrEqual(3)
  })

  it('parks a bad record of the quarantine topic instead of announcing it for ever', async () => {
    const { bus } = await bench().open()
    const group = newGroup()
    const key = newGroup()
    await bus.publish(recordsOf(topics.quarantine, key, ['bad']))
    await record(bus, topics.quarantine, {
      group,
      answer: ({ records }) => records.map((each) => (each.key === key ? { quarantine: 'schema_invalid' } : 'done')),
    })
    await parkedBecomes(bus, group, 1)
    expect(await bus.parked(group)).toMatchObject([{ topic: topics.quarantine, key, reason: 'schema_invalid' }])
  })
}

/** The first quarantine record that the group announced. */
const noticeOf = async (bus: Bus, group: string): Promise<{ key: string | null; value: string }> => {
  const ofGroup = ({ value }: { value: Uint8Array | null }) => text(value)?.includes(group) ?? false
  const notices = await record(bus, topics.quarantine)
  await notices.until(() => notices.records.some(ofGroup))
  await notices.subscription.stop()
  const notice = notices.records.find(ofGroup)
  return { key: notice?.key ?? null, value: text(notice?.value ?? null) ?? '' }
}
