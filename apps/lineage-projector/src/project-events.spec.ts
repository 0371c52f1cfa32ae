import type { RecordedEventOf } from '@countersign/contracts'
import type { SpecStore } from '@countersign/event-store/spec-store'
import { projectLineage } from '@countersign/lineage-graph'
import { endings, lifeOf, subjects } from '@countersign/lineage-graph/life-fixture'
import { registers } from '@countersign/lineage-graph/registers-fixture'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { projectEvents } from './project-events.ts'
import { clearProjection, freshProjection, recordEvents, rowsOf } from './projection.fixture.ts'
import { rebuildProjections } from './rebuild-projections/rebuild-projections.ts'

let store: SpecStore
beforeAll(async () => {
  store = await freshProjection()
})
afterAll(() => store.drop())
beforeEach(() => clearProjection(store.superuser))

const lives = (count: number): RecordedEventOf[] => [
  ...registers(),
  ...Array.from({ length: count }, (_, n) =>
    lifeOf({
      n: n + 1,
      ending: endings[n % endings.length] ?? 'published',
      target: ['customers -> s3://partner-eu', 'orders', 's3://partner-eu -> mart'][n % 3] ?? '',
      agent: n % 4 === 0 ? subjects.runner : subjects.etlBot,
    }),
  ).flat(),
]

/** Cuts into batches of up to so many. */
const batches = (events: readonly RecordedEventOf[], size: number) =>
  Array.from({ length: Math.ceil(events.length / size) }, (_, n) => events.slice(n * size, (n + 1) * size))

const everything = lives(20)
const lineage = () => store.poolOf('lineage')
const withoutNumbers = (rows: Record<string, unknown[]>) => ({
  ...rows,
  audit_event: rows.audit_event?.map((row) => ({ ...(row as object), seq: undefined })),
})

describe('the projections', () => {
  it('hold the rows that the pure projection makes of the events', async () => {
    await projectEvents(lineage(), everything)
    const graph = projectLineage(everything)
    const { node = [], edge = [], intent_fact: facts = [], audit_event: audit = [] } = await rowsOf(store.superuser)
    const nodes = new Map(node.map((row) => [(row as { id: string }).id, row as Record<string, unknown>]))
    expect(nodes.size).toBe(graph.nodes.size)
    for (const { id, kind, key, attributes } of graph.nodes.values()) {
      expect(nodes.get(id)).toMatchObject({ kind, key, attributes })
    }
    const edges = (
      edge as { from_id: string; kind: string; to_id: string; attributes: unknown; first_at: string }[]
    ).map((row) => [`${row.from_id} ${row.kind} ${row.to_id}`, row.attributes, Date.parse(row.first_at)])
    const expected = [...graph.edges].map(([key, made]) => [key, made.attributes, Date.parse(made.firstAt)])
    const byKey = (one: unknown[], other: unknown[]) => (String(one[0]) < String(other[0]) ? -1 : 1)
    expect(edges.sort(byKey)).toEqual(expected.sort(byKey))
    expect(facts).toHaveLength(graph.facts.size)
    expect(audit).toHaveLength(everything.length)
  })

  it('are the same in any order, in any batches, and however often events come', async () => {
    await projectEvents(lineage(), everything)
    const expected = withoutNumbers(await rowsOf(store.superuser))
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...everything, ...everything], { minLength: everything.length * 2 }),
        fc.integer({ min: 1, max: 120 }),
        async (shuffledTwice, size) => {
          await clearProjection(store.superuser)
          for (const batch of batches(shuffledTwice, size)) await projectEvents(lineage(), batch)
          expect(withoutNumbers(await rowsOf(store.superuser))).toEqual(expected)
        },
      ),
      { numRuns: 6 },
    )
  })

  it('lose nothing when consumers write at the same time', async () => {
    await projectEvents(lineage(), everything)
    const expected = withoutNumbers(await rowsOf(store.superuser))
    await clearProjection(store.superuser)
    // Neighbouring events go to different consumers, so that every intent and shared node is written by several.
    const hands = Array.from({ length: 4 }, (_, hand) => everything.filter((_event, n) => n % 4 === hand))
    await Promise.all(
      hands.map(async (own) => {
        for (const batch of batches(own, 10)) await projectEvents(lineage(), batch)
      }),
    )
    expect(withoutNumbers(await rowsOf(store.superuser))).toEqual(expected)
  })

  it('number audit rows per tenant without gaps, and never anew', async () => {
    await Promise.all(batches(everything, 25).map((batch) => projectEvents(lineage(), batch)))
    const before = await rowsOf(store.superuser)
    await projectEvents(lineage(), everything)
    const after = await rowsOf(store.superuser)
    expect(after.audit_event).toEqual(before.audit_event)
    const numbers = (after.audit_event as { seq: number }[]).map(({ seq }) => seq).sort((one, other) => one - other)
    expect(numbers).toEqual(everything.map((_, n) => n + 1))
  })

  it('can be written by the service only through the functions', async () => {
    await expect(lineage().query(`delete from lineage.node`)).rejects.toThrow('permission denied')
    await expect(lineage().query(`insert into lineage.feed default values`)).rejects.toThrow('permission denied')
  })
})

describe('a rebuild', () => {
  beforeAll(() => recordEvents(store.superuser, everything))

  it('equals the live projection row for row, numbers of audit rows included', async () => {
    const [late, live] = [everything.slice(-7), everything.slice(0, -7).toReversed()]
    for (const batch of batches(live, 13)) await projectEvents(lineage(), batch)
    const before = await rowsOf(store.superuser)

    expect(await rebuildProjections({ ownerUrl: store.urlOf('owner') })).toBe(everything.length)

    const rebuilt = await rowsOf(store.superuser)
    const numbers = new Map(
      (rebuilt.audit_event as { event_id: string; seq: number }[]).map((row) => [row.event_id, row]),
    )
    for (const row of before.audit_event as { event_id: string }[]) expect(numbers.get(row.event_id)).toEqual(row)

    // The bus brings what it has not delivered yet: nothing moves, for the rebuild has it.
    await projectEvents(lineage(), late)
    await projectEvents(lineage(), everything)
    expect(await rowsOf(store.superuser)).toEqual(rebuilt)
    await clearProjection(store.superuser)
    await projectEvents(lineage(), everything)
    expect(withoutNumbers(await rowsOf(store.superuser))).toEqual(withoutNumbers(rebuilt))
  })

  it('mends rows that were changed by hand', async () => {
    await projectEvents(lineage(), everything)
    const good = await rowsOf(store.superuser)
    await store.superuser.query(`delete from lineage.edge where kind = 'flow'`)
    await store.superuser.query(`update lineage.node set attributes = '{}'`)
    await rebuildProjections({ ownerUrl: store.urlOf('owner') })
    expect(await rowsOf(store.superuser)).toEqual(good)
  })
})
