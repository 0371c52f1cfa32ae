import type { SpecStore } from '@countersign/event-store/spec-store'
import { neighbourhood, nodeId, projectLineage, type Direction } from '@countersign/lineage-graph'
import { endings, id, lifeOf, subjects, tenantId } from '@countersign/lineage-graph/life-fixture'
import { registers } from '@countersign/lineage-graph/registers-fixture'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectEvents } from '../project-events.ts'
import { freshProjection } from '../projection.fixture.ts'
import { readNeighbourhood } from './read-neighbourhood.ts'

const events = [
  ...registers(),
  ...Array.from({ length: 24 }, (_, n) =>
    lifeOf({
      n: n + 1,
      ending: endings[(n * 5) % endings.length] ?? 'published',
      target: ['customers -> s3://partner-eu', 'orders', 's3://partner-eu -> mart', 'mart'][n % 4] ?? '',
      reviewer: n % 3 === 0 ? subjects.cleo : subjects.ben,
      action: n % 5 === 0 ? 'table.drop' : 'data.export',
    }),
  ).flat(),
]
const foreign = lifeOf({ n: 500, ending: 'succeeded', tenantId: id(9, 2) })
const graph = projectLineage(events)
const limits = { walkMs: 5_000 }

let store: SpecStore
beforeAll(async () => {
  store = await freshProjection()
  await projectEvents(store.poolOf('lineage'), [...events, ...foreign])
})
afterAll(() => store.drop())

const ask = (start: { kind: 'agent' | 'intent' | 'dataset' | 'person'; id: string }, more: object = {}) =>
  readNeighbourhood(
    store.poolOf('lineage'),
    { tenantId, ...start, direction: 'both', depth: 8, maxNodes: 500, skip: 0, ...more },
    limits,
  )

describe('the walk in the database', () => {
  it('gives what the reference walk gives, for any start, direction, bound, page and time', async () => {
    const times = [...graph.edges.values()].map(({ firstAt }) => firstAt)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...graph.nodes.values()),
        fc.constantFrom<Direction>('up', 'down', 'both'),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat({ max: 30 }),
        fc.option(fc.constantFrom(...times), { nil: undefined }),
        async (start, direction, depth, maxNodes, skip, asOf) => {
          const bounds = { direction, depth, maxNodes, skip, ...(asOf === undefined ? {} : { asOf }) }
          const expected = neighbourhood(graph, start.id, bounds)
          const got = await readNeighbourhood(
            store.poolOf('lineage'),
            { tenantId, kind: start.kind, id: start.key, ...bounds },
            limits,
          )
          expect(got?.nodes.map((node) => node.id)).toEqual(expected.nodes.map((node) => node.id))
          expect(got?.edges.map((edge) => [edge.from, edge.kind, edge.to])).toEqual(
            expected.edges.map((edge) => [edge.from, edge.kind, edge.to]),
          )
          expect([got?.truncated, got?.reason, got?.next?.skip]).toEqual([
            expected.truncated,
            expected.reason,
            expected.next,
          ])
        },
      ),
      { numRuns: 250 },
    )
  })

  it('says that time ran out instead of giving less silently', async () => {
    const { rows } = await store.superuser.query<{ ids: string[]; reason: string }>(
      `select ids, reason from lineage.walk($1, $2, '{down,up}', 8, 500, null, interval '-1 second')`,
      [tenantId, nodeId({ tenantId, kind: 'agent', key: subjects.etlBot })],
    )
    expect(rows[0]?.reason).toBe('time')
  })
})

describe('a neighbourhood', () => {
  it('is found by natural key, node id and the name of an agent', async () => {
    const byKey = await ask({ kind: 'agent', id: subjects.etlBot })
    expect(byKey?.nodes.length).toBeGreaterThan(5)
    expect(await ask({ kind: 'agent', id: 'etl-bot' })).toEqual(byKey)
    expect(await ask({ kind: 'agent', id: byKey?.start ?? '' })).toEqual(byKey)
    expect(await ask({ kind: 'dataset', id: 'nowhere' })).toBeUndefined()
  })

  it('stays in its tenant', async () => {
    expect(await ask({ kind: 'intent', id: id(3, 500) })).toBeUndefined()
  })

  it('places nodes in columns and names people only at read time', async () => {
    await store.superuser.query(
      `insert into countersign.person (tenant_id, subject_id, display_name) values ($1, $2, 'Ben')`,
      [tenantId, subjects.ben],
    )
    const answer = await ask({ kind: 'person', id: subjects.ben }, { direction: 'down' })
    expect(answer?.nodes[0]).toMatchObject({ kind: 'person', label: 'Ben', column: 'review' })
    const stored = await store.superuser.query(`select from lineage.node where attributes::text like '%Ben%'`)
    expect(stored.rowCount).toBe(0)
    const cells = answer?.nodes.map(({ x, y }) => `${String(x)} ${String(y)}`)
    expect(new Set(cells).size).toBe(answer?.nodes.length)
  })
})
