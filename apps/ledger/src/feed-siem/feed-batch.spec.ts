import { ocsfErrors } from '@countersign/audit-row/spec-ocsf'
import { topics } from '@countersign/contracts'
import { eventExamples } from '@countersign/contracts/spec-examples'
import { newId } from '@countersign/event-store'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RowOfEvent, streamsOf } from '../ledger-store.fixture.ts'
import { recordFed } from './feed-lease.ts'
import { type FeedBench, firstArrivals, freshFeedBench, Topic, upTo } from './feed-bench.fixture.ts'

let bench: FeedBench
beforeEach(async () => {
  bench = await freshFeedBench()
})
afterEach(() => bench.drop())

const originOf = async (tenantId = bench.tenantId) => `countersign.test/log/${await bench.logIdOf(tenantId)}`
const outage = () => Promise.reject(new Error('seeded fault'))

/** One intent that goes through every example of every type, then the registers; nothing judges whether it could. */
const everyExample = (): RowOfEvent[] => {
  const streamId = newId()
  const versions = new Map<string, number>()
  return eventExamples().map(({ wireType: type, kind, data }) => {
    const stream = kind === 'register' ? newId() : streamId
    const version = (versions.get(`${kind}/${stream}`) ?? 0) + 1
    versions.set(`${kind}/${stream}`, version)
    return { streamId: stream, kind, version, type, data, eventId: newId() }
  })
}

describe('what the SIEM topic gets', () => {
  it('is one valid OCSF row of every event of every type, in the order of the log', async () => {
    const rows = everyExample()
    await bench.grow(rows)
    const topic = new Topic()
    await bench.feeder(topic)()
    const fed = topic.rows()
    expect(fed.flatMap((row) => ocsfErrors(row))).toEqual([])
    expect(fed.map(({ metadata }) => metadata.uid)).toEqual(rows.map(({ eventId }) => eventId))
    expect(fed.map(({ metadata }) => metadata.event_code)).toEqual(rows.map(({ type }) => type))
    expect(topic.sequences(await originOf())).toEqual(upTo(rows.length))
    const { rows: entries } = await bench.superuser.query<{ leaf_hash: Buffer }>(
      'select leaf_hash from ledger.entry order by idx',
    )
    expect(fed.map((row) => row.raw_data_hash.value)).toEqual(entries.map((entry) => entry.leaf_hash.toString('hex')))
    expect(fed.filter(({ unmapped }) => 'stream_kind' in unmapped)).toEqual([])
  })

  it('is a CloudEvent in binary mode, keyed by the intent', async () => {
    const traceparent = `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`
    const [example] = eventExamples()
    if (example === undefined) throw new Error('no example')
    const [streamId, eventId, register] = [newId(), newId(), newId()]
    await bench.grow([
      { streamId, eventId, type: example.wireType, data: example.data, traceparent },
      { streamId: register, kind: 'register', traceparent: 'not one' },
    ])
    const topic = new Topic()
    await bench.feeder(topic)()
    const [first, second] = topic.records
    expect(first).toMatchObject({ topic: topics.audit, key: streamId })
    expect(first?.headers).toEqual({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: eventId,
      ce_source: '/countersign/ledger',
      ce_type: 'dev.countersign.AuditRow.v1',
      ce_subject: streamId,
      ce_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      traceparent,
    })
    expect(second?.key).toBe(register)
    expect(second?.headers).not.toHaveProperty('traceparent')
  })

  it('tells of every later event of an intent what the intent is about, also after a restart', async () => {
    const rows = everyExample()
    await bench.grow(rows)
    const topics = [new Topic(), new Topic()] as const
    await bench.feeder(topics[0])()
    await bench.tamper('update ledger.siem_progress set fed = 7')
    await bench.feeder(topics[1])()
    expect(topics[1].rows()).toEqual(topics[0].rows().slice(7))
    const published = topics[1].rows().filter(({ unmapped }) => unmapped['action'] !== undefined)
    expect(published.length).toBeGreaterThan(20)
  })

  it('says of an event that this version cannot read that it is there, and alerts', async () => {
    const kinds = { type: 'dev.countersign.Unheard.v9', data: { secret: 'of the future' } }
    const misfit = { type: 'dev.countersign.IntentExpired.v1', data: { secret: 'where none belongs' } }
    const misplaced = { ...misfit, kind: 'attempts' as const }
    await bench.grow([kinds, misfit, misplaced])
    const topic = new Topic()
    await bench.feeder(topic)()
    const fed = topic.rows()
    expect(fed.flatMap((row) => ocsfErrors(row))).toEqual([])
    expect(fed.map(({ is_alert }) => is_alert)).toEqual([true, true, true])
    expect(JSON.stringify(fed)).not.toContain('secret')
  })

  it('is only what a published checkpoint covers', async () => {
    await bench.grow(streamsOf(3, 1))
    await bench.insert(streamsOf(2, 1))
    await bench.appendAll()
    const topic = new Topic()
    const feed = bench.feeder(topic)
    await feed()
    expect(topic.sequences(await originOf())).toEqual(upTo(3))
    await bench.publishHeads()
    await feed()
    expect(topic.sequences(await originOf())).toEqual(upTo(5))
  })
})

describe('the cursor of each log', () => {
  it('leaves out nothing and repeats nothing, batch after batch, however the logs grow', async () => {
    const other = await bench.addTenant('other')
    const topic = new Topic()
    const feed = bench.feeder(topic, 7)
    for (const [mine, theirs] of [[3, 40] as const, [0, 1] as const, [23, 0] as const]) {
      await bench.grow([...streamsOf(mine, 1), ...streamsOf(theirs, 1, { tenantId: other })])
      await feed()
    }
    expect(topic.sequences(await originOf())).toEqual(upTo(26))
    expect(topic.sequences(await originOf(other))).toEqual(upTo(41))
    expect(Math.max(...topic.batches.map(({ length }) => length))).toBe(7)
  })

  it('lets every log have its turn, also when there are more of them than a batch has records', async () => {
    const tenants = [bench.tenantId, ...(await Promise.all(['b', 'c', 'd', 'e'].map((name) => bench.addTenant(name))))]
    await bench.grow(tenants.flatMap((tenantId) => streamsOf(4, 1, { tenantId })))
    const topic = new Topic()
    await bench.feeder(topic, 2)()
    const origins = topic.rows().map(({ metadata }) => metadata.log_name)
    expect(new Set(origins.slice(0, 5)).size).toBe(5)
    for (const tenantId of tenants) expect(topic.sequences(await originOf(tenantId))).toEqual(upTo(4))
  })

  it('stays when the feeder dies between publishing and moving it: repeats, no gap', async () => {
    await bench.grow(streamsOf(10, 1))
    await bench.superuser.query(`
      create function ledger.fail() returns trigger language plpgsql as $$ begin raise exception 'seeded fault'; end $$;
      create trigger fail before insert or update on ledger.siem_progress
        for each statement execute function ledger.fail()`)
    const topic = new Topic()
    await expect(bench.feeder(topic, 4)()).rejects.toThrow('seeded fault')
    await bench.superuser.query('drop function ledger.fail cascade')
    await bench.feeder(topic, 4)()
    expect(topic.sequences(await originOf())).toEqual([...upTo(4), ...upTo(10)])
  })

  it('stays when the bus fails, having taken a part or nothing', async () => {
    await bench.grow(streamsOf(9, 1))
    const topic = new Topic()
    const half = {
      publish: async (records: Parameters<Topic['publish']>[0]) => topic.publish(records.slice(0, 2)).then(outage),
    }
    await expect(bench.feeder(half, 5)()).rejects.toThrow('seeded fault')
    await expect(bench.feeder({ publish: outage }, 5)()).rejects.toThrow('seeded fault')
    await bench.feeder(topic, 5)()
    expect(topic.sequences(await originOf())).toEqual([0, 1, ...upTo(9)])
  })

  it('never goes back when a slower feeder is done with less', async () => {
    await bench.grow(streamsOf(5, 1))
    const logId = await bench.logIdOf(bench.tenantId)
    for (const fed of [2, 5, 3]) await recordFed(bench.ledger, newId(), [{ logId, fed }])
    expect((await bench.superuser.query('select fed from ledger.siem_progress')).rows).toEqual([{ fed: '5' }])
  })

  it('never passes an entry, whoever feeds at the same time', async () => {
    const other = await bench.addTenant('other')
    const topic = new Topic()
    // Others get to run between what one has read and what it publishes.
    const slow = { publish: (records: Parameters<Topic['publish']>[0]) => turn().then(() => topic.publish(records)) }
    const feeders = upTo(4).map((at) => bench.feeder(slow, 5 + at))
    const grown = (async () => {
      for (let round = 0; round < 6; round += 1) {
        await bench.grow([...streamsOf(20, 1), ...streamsOf(11, 1, { tenantId: other })])
      }
    })()
    const isOver = grown.then(() => true)
    const feed = async (one: () => Promise<unknown>) => {
      while (!(await Promise.race([isOver, one().then(() => false)])));
      await one()
    }
    await Promise.all([...feeders.map(feed), grown])
    for (const [origin, size] of [[await originOf(), 120] as const, [await originOf(other), 66] as const]) {
      expect(firstArrivals(topic.sequences(origin))).toEqual(upTo(size))
    }
    expect((await bench.superuser.query('select fed from ledger.siem_progress order by fed')).rows).toEqual([
      { fed: '66' },
      { fed: '120' },
    ])
  })
})

describe('a log that is not what was recorded', () => {
  it.each([
    [
      'leaf_differs',
      `update ledger.entry set leaf = convert_to(replace(convert_from(leaf, 'utf8'), 'note', 'mote'), 'utf8')`,
    ],
    ['leaf_differs', `update ledger.entry set leaf_hash = sha256('another')`],
    ['entry_missing', 'delete from ledger.entry'],
  ])('is fed up to there, says %s, and holds up no other', async (code, statement) => {
    const other = await bench.addTenant('other')
    await bench.grow([...streamsOf(5, 1), ...streamsOf(5, 1, { tenantId: other })])
    const logId = await bench.logIdOf(bench.tenantId)
    await bench.tamper(`${statement} where log_id = $1 and idx = 2`, [logId])
    const topic = new Topic()
    const last = await bench.feeder(topic)()
    expect([...last.logs]).toEqual([[logId, code]])
    expect(topic.sequences(await originOf())).toEqual(upTo(2))
    expect(topic.sequences(await originOf(other))).toEqual(upTo(5))
  })
})
