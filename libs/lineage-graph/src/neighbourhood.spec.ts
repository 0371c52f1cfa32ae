import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { projectLineage } from './graph.ts'
import { layOut } from './layout.ts'
import { endings, id, lifeOf, subjects, tenantId } from './life.fixture.ts'
import { neighbourhood, type Direction } from './neighbourhood.ts'
import { nodeId, type NodeKind } from './node.ts'
import { registers } from './registers.fixture.ts'

const node = (kind: NodeKind, key: string) => nodeId({ tenantId, kind, key })
const graph = projectLineage([
  ...registers(),
  ...endings.flatMap((ending, n) => lifeOf({ n: n + 1, ending, target: n % 2 === 0 ? 'orders -> mart' : 'customers' })),
])
const every = { depth: 20, maxNodes: 5_000 } as const
const keys = (kind: NodeKind, start: string, direction: Direction) =>
  neighbourhood(graph, start, { direction, ...every })
    .nodes.filter((found) => found.kind === kind)
    .map(({ key }) => key)

const numbered = (ending: (typeof endings)[number]) => endings.indexOf(ending) + 1

describe('a neighbourhood', () => {
  it('of a denied intent reaches no data further down', () => {
    const denied = node('intent', id(3, numbered('denied')))
    expect(keys('dataset', denied, 'down')).toEqual([])
    expect(keys('execution', denied, 'down')).toEqual([])
  })

  it('of a dataset tells who asked for it, denied or not', () => {
    expect(keys('intent', node('dataset', 'production/orders'), 'down')).toContain(id(3, numbered('denied')))
  })

  it('of a reviewer reaches what ran on their word', () => {
    expect(keys('execution', node('person', subjects.ben), 'down')).toContain(id(5, numbered('succeeded')))
  })

  it('of an intent tells up who stands behind it and down what came of it', () => {
    const start = node('intent', id(3, numbered('succeeded')))
    expect(keys('agent', start, 'up')).toEqual([subjects.etlBot])
    expect(keys('model', start, 'up')).toEqual(['m-4'])
    expect(keys('grant', start, 'down')).toEqual([id(5, numbered('succeeded'))])
    expect(keys('intent', start, 'both')).not.toContain(id(3, numbered('denied')))
  })

  it('of an agent tells each grant that it got, and of each whether it was used and what ran on it', () => {
    const grants = keys('grant', node('agent', subjects.etlBot), 'down')
    const used = grants.filter((grant) => keys('execution', node('grant', grant), 'down').length > 0)
    const granted = endings.slice(endings.indexOf('granted'))
    const started = granted.filter((ending) => !['granted', 'revoked', 'grant expired', 'redeemed'].includes(ending))
    expect(grants.toSorted()).toEqual(granted.map((ending) => id(5, numbered(ending))).toSorted())
    expect(used.toSorted()).toEqual(started.map((ending) => id(5, numbered(ending))).toSorted())
  })

  it('says which bound cut it, and nothing when it is whole', () => {
    const start = node('agent', subjects.etlBot)
    const whole = neighbourhood(graph, start, { direction: 'down', ...every })
    expect(whole).toMatchObject({ truncated: false })
    const shallow = neighbourhood(graph, start, { direction: 'down', depth: 1, maxNodes: 5_000 })
    expect(shallow).toMatchObject({ truncated: true, reason: 'depth' })
    const narrow = neighbourhood(graph, start, { direction: 'down', depth: 20, maxNodes: 5 })
    expect(narrow).toMatchObject({ truncated: true, reason: 'nodes', next: 5 })
    expect(narrow.nodes).toHaveLength(5)
  })

  it('gives the same nodes in pages as at once, each once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Direction>('up', 'down', 'both'),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(...graph.nodes.keys()),
        (direction, maxNodes, start) => {
          const paged: string[] = []
          let skip: number | undefined = 0
          while (skip !== undefined) {
            const page = neighbourhood(graph, start, { direction, depth: 20, maxNodes, skip })
            paged.push(...page.nodes.map((found) => found.id))
            skip = page.next
          }
          const whole = neighbourhood(graph, start, { direction, ...every })
          expect(paged).toEqual(whole.nodes.map((found) => found.id))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('shows the graph as it was at a time', () => {
    const at = lifeOf({ n: numbered('succeeded'), ending: 'succeeded' }).find(({ type }) => type === 'GrantIssued')
    const then = neighbourhood(graph, node('intent', id(3, numbered('succeeded'))), {
      direction: 'down',
      ...every,
      asOf: at?.recordedAt ?? '',
    })
    expect(then.nodes.map(({ kind }) => kind)).not.toContain('execution')
    expect(then.nodes.map(({ kind }) => kind)).toContain('grant')
  })
})

it('lays the path of an intent out from its source to the data, left to right', () => {
  const { nodes, edges } = neighbourhood(graph, node('intent', id(3, numbered('succeeded'))), {
    direction: 'both',
    ...every,
  })
  const placed = layOut(nodes, edges)
  const x = (kind: NodeKind, key: string) => placed.get(node(kind, key))?.x
  const n = numbered('succeeded')
  expect([
    x('model', 'm-4'),
    x('agent', subjects.etlBot),
    x('intent', id(3, n)),
    x('rule', 'exports-need-two-eyes'),
    x('review', id(4, n)),
    x('grant', id(5, n)),
    x('execution', id(5, n)),
    x('dataset', 'production/mart'),
  ]).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(x('person', subjects.ben)).toBe(4)
  const cells = [...placed.values()].map(({ x: column, y }) => `${column} ${y}`)
  expect(new Set(cells).size).toBe(cells.length)
})
