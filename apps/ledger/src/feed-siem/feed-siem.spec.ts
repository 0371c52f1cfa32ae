import type { OutboundRecord } from '@countersign/bus'
import { newId } from '@countersign/event-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { streamsOf } from '../ledger-store.fixture.ts'
import type { WorkLoop } from '../work-loop.ts'
import { type FeedBench, freshFeedBench, Topic, upTo } from './feed-bench.fixture.ts'
import { feedSiem } from './feed-siem.ts'

let bench: FeedBench
let topic: Topic
let origin: string
const failures: unknown[] = []
const loops: WorkLoop[] = []

beforeEach(async () => {
  bench = await freshFeedBench()
  topic = new Topic()
  await bench.grow(streamsOf(6, 1))
  origin = `countersign.test/log/${await bench.logIdOf(bench.tenantId)}`
})
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()))
  await bench.drop()
  expect(failures.splice(0)).toEqual([])
})

const feeder = (publish: (records: readonly OutboundRecord[]) => Promise<void> = topic.publish): WorkLoop => {
  const loop = feedSiem({
    pool: bench.ledger,
    bus: { publish },
    limit: 2,
    onBatch: () => undefined,
    onSuccess: () => undefined,
    onFailure: (error) => failures.push(error),
  })
  loops.push(loop)
  return loop
}
/** Somebody else holds the lease until then, whatever the clock says. */
const heldByAnother = (until: 'infinity' | '-infinity') =>
  bench.superuser.query('update ledger.siem_lease set holder = $1, held_until = $2', [newId(), until])
const untilFed = async (loop: WorkLoop, size: number) => {
  while (topic.records.length < size) await loop.attempt()
}

describe('the feed', () => {
  it('works until every published entry is there, then on what comes after a wake-up', async () => {
    const loop = feeder()
    await untilFed(loop, 6)
    await bench.grow(streamsOf(3, 1))
    await untilFed(loop, 9)
    await loop.attempt()
    expect(topic.sequences(origin)).toEqual(upTo(9))
  })

  it('waits while another feeder holds the lease, and takes over when it has run out', async () => {
    await heldByAnother('infinity')
    const loop = feeder()
    await loop.attempt()
    await loop.attempt()
    expect(topic.records).toEqual([])
    await heldByAnother('-infinity')
    await untilFed(loop, 6)
    expect(topic.sequences(origin)).toEqual(upTo(6))
  })

  it('feeds no further once another feeder has taken the lease', async () => {
    const loop = feeder(async (records) => {
      await heldByAnother('infinity')
      await topic.publish(records)
    })
    await loop.attempt()
    await loop.attempt()
    await loop.attempt()
    expect(topic.sequences(origin)).toEqual(upTo(2))
  })

  it('gives the lease back when it stops', async () => {
    const loop = feeder()
    await untilFed(loop, 6)
    await loop.stop()
    const { rows } = await bench.superuser.query('select holder, held_until::text from ledger.siem_lease')
    expect(rows).toEqual([{ holder: null, held_until: '-infinity' }])
  })
})
