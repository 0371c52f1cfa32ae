import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventStore } from './event-store.ts'
import { isBefore, storeStart } from './cursor-order.ts'
import { gateAge, gatedCursor, readGated } from './gated-cursor.ts'
import { openIncarnation } from './incarnation.ts'
import { readStoreStanding } from './store-guard.ts'
import { freshStore, type SpecStore } from './spec-store.ts'
import { type Cursor, newId, type StoredEvent, type StreamRef } from './stream.ts'
import { withTenants } from './transaction.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
})
afterAll(() => spec.drop())

const intake = () => eventStore(spec.poolOf('intake'), { metadata: { service: 'intake' } })
const intent = (): StreamRef => ({ kind: 'intent', streamId: newId(), tenantId: spec.tenantId })
const withdrawn = (ref: StreamRef) => ({
  type: 'IntentWithdrawn' as const,
  data: { intentId: ref.streamId, by: newId() },
})
const appendOne = (ref: StreamRef) =>
  intake().execute(
    { streams: [ref] },
    { decide: () => ({ append: [{ stream: ref, events: [withdrawn(ref)] }], answer: 0 }) },
  )

// A reader that only remembers the highest position it saw: what not to do.
const naiveReader = () => {
  let position = 0
  const seen: string[] = []
  return {
    seen,
    read: async () => {
      const { rows } = await spec
        .poolOf('relay')
        .query<{ position: string; event_id: string }>(
          'select position, event_id from countersign.event where position > $1 order by position',
          [position],
        )
      seen.push(...rows.map((row) => row.event_id))
      position = Number(rows.at(-1)?.position ?? position)
    },
  }
}

// The gate waits for every write transaction of the server, so what was just committed may take a moment to show.
async function readUntil(from: Cursor, count: number): Promise<StoredEvent[]> {
  const cursor = gatedCursor(spec.poolOf('relay'), { from, limit: 7 })
  const seen: StoredEvent[] = []
  while (seen.length < count) {
    const events = await cursor.read()
    const last = events.at(-1)
    if (last !== undefined) cursor.advance(last)
    seen.push(...events)
  }
  return seen
}

const lastCursor = async (): Promise<Cursor> => {
  const { rows } = await spec.superuser.query<{ incarnation: number; xid: string; position: string }>(
    'select incarnation, xid::text, position from countersign.event order by 1 desc, event.xid desc, 3 desc limit 1',
  )
  const row = rows[0]
  return row === undefined ? storeStart : { ...row, position: Number(row.position) }
}

it('shows an event whose transaction was overtaken, which a reader by position loses', async () => {
  const from = await lastCursor()
  const naive = naiveReader()
  const [slow, fast] = [intent(), intent()]
  const committed: string[] = []
  await withTenants(spec.poolOf('intake'), [spec.tenantId], async (tx) => {
    const [early] = await intake().append(tx, [{ stream: slow, events: [withdrawn(slow)], expectedVersion: 0 }])
    committed.push(early?.events[0]?.eventId ?? '')
    committed.push((await appendOne(fast)).events[0]?.eventId ?? '')
    await naive.read()
    expect(await readGated(spec.poolOf('relay'), { after: from, limit: 10 })).toEqual([])
    expect(await gateAge(spec.poolOf('relay'))).toBeGreaterThan(0)
  })
  await naive.read()
  expect(naive.seen).toContain(committed[1])
  expect(naive.seen).not.toContain(committed[0])
  const gated = await readUntil(from, 2)
  expect(gated.map((event) => event.eventId)).toEqual(committed)
})

it('loses and inverts nothing of four writers whose transactions overlap', async () => {
  const from = await lastCursor()
  const refs = Array.from({ length: 5 }, intent)
  const perWriter = 40
  const writer = async (own: number) => {
    for (let round = 0; round < perWriter; round += 1) {
      const ref = refs[(own + round) % refs.length] as StreamRef
      await intake().execute(
        { streams: [ref] },
        {
          decide: () => ({ append: [{ stream: ref, events: [withdrawn(ref), withdrawn(ref)] }], answer: 0 }),
          // Holds the transaction open for a while that differs from round to round.
          effects: async (tx) => {
            for (let more = 0; more < (own * 7 + round) % 5; more += 1) await tx.query('select 1')
          },
        },
      )
    }
  }
  const writing = Promise.all([0, 1, 2, 3].map(writer))
  const [seen] = await Promise.all([readUntil(from, 4 * perWriter * 2), writing])

  const { rows } = await spec.superuser.query<{ event_id: string }>(
    'select event_id from countersign.event where stream_id = any ($1)',
    [refs.map((ref) => ref.streamId)],
  )
  expect(seen.map((event) => event.eventId).toSorted()).toEqual(rows.map((row) => row.event_id).toSorted())
  for (const ref of refs) {
    const versions = seen.filter((event) => event.streamId === ref.streamId).map((event) => event.version)
    expect(versions).toEqual(versions.map((_, place) => place + 1))
  }
})

it('only moves forward', async () => {
  await appendOne(intent())
  const [event] = await readUntil(storeStart, 1)
  const cursor = gatedCursor(spec.poolOf('relay'), { from: event as Cursor, limit: 1 })
  expect(() => cursor.advance(event as Cursor)).toThrow(RangeError)
  expect(isBefore({ incarnation: 1, xid: '99', position: 5 }, { incarnation: 1, xid: '100', position: 1 })).toBe(true)
})

it('orders a new incarnation behind the old one', async () => {
  const before = await lastCursor()
  const opened = await openIncarnation(spec.poolOf('intake'))
  expect(await readStoreStanding(spec.poolOf('relay'), undefined)).toMatchObject({
    incarnation: opened,
    isSameSystem: true,
    isSameTimeline: true,
  })
  const { events } = await appendOne(intent())
  const [shown] = await readUntil(before, 1)
  expect(shown?.eventId).toBe(events[0]?.eventId)
  expect(shown?.incarnation).toBe(opened)
})
