import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { projectLineage, type LineageGraph } from './graph.ts'
import { endings, id, lifeOf, subjects, tenantId, type Ending, type LifeOptions } from './life.fixture.ts'
import { nodeId, type EdgeKind, type NodeKind } from './node.ts'
import { registers } from './registers.fixture.ts'

const node = (kind: NodeKind, key: string) => nodeId({ tenantId, kind, key })
const flows = (graph: LineageGraph) => [...graph.edges.values()].filter(({ kind }) => kind === 'flow')
const has = (graph: LineageGraph, from: string, kind: EdgeKind, to: string) => graph.edges.has(`${from} ${kind} ${to}`)

const lives = fc
  .array(
    fc.record({
      ending: fc.constantFrom(...endings),
      target: fc.constantFrom('customers -> s3://partner-eu', 'orders', 'customers', 's3://partner-eu -> mart'),
      action: fc.constantFrom('data.export', 'table.drop'),
      agent: fc.constantFrom(subjects.etlBot, subjects.runner),
      reviewer: fc.constantFrom(subjects.ben, subjects.cleo),
    }),
    { maxLength: 6 },
  )
  .map((choices) => [...registers(), ...choices.flatMap((choice, n) => lifeOf({ n: n + 1, ...choice } as LifeOptions))])

describe('the lineage of a set of events', () => {
  it('is the same in whatever order and how often the events come', () => {
    fc.assert(
      fc.property(
        lives.chain((events) =>
          fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 })),
        ),
        ([events, shuffledTwice]) => {
          expect(asRows(projectLineage(shuffledTwice))).toEqual(asRows(projectLineage(events)))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('shows data moving only for intents whose execution succeeded', () => {
    const succeeded: readonly Ending[] = ['succeeded', 'allowed and succeeded', 'reconciled']
    for (const ending of endings) {
      const graph = projectLineage(lifeOf({ n: 1, ending }))
      expect([ending, flows(graph).length > 0]).toEqual([ending, succeeded.includes(ending)])
    }
  })

  it('leaves an outcome reconciled as failed without flow', () => {
    const events = lifeOf({ n: 1, ending: 'reconciled' }).map((event) =>
      event.type === 'ExecutionReconciled' ? { ...event, data: { ...event.data, outcome: 'failed' as const } } : event,
    )
    expect(flows(projectLineage(events))).toEqual([])
  })

  it('takes every named node into the graph, whatever events are missing', () => {
    fc.assert(
      fc.property(
        lives.chain((events) => fc.subarray(events)),
        (some) => {
          const graph = projectLineage(some)
          for (const { from, to } of graph.edges.values()) {
            expect(graph.nodes.has(from)).toBe(true)
            expect(graph.nodes.has(to)).toBe(true)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('a succeeded export', () => {
  const graph = projectLineage([...registers(), ...lifeOf({ n: 1, ending: 'succeeded' })])
  const execution = node('execution', id(5, 1))
  const source = node('dataset', 'production/customers')
  const destination = node('dataset', 'production/s3://partner-eu')

  it('flows from what was read through the execution to what was written', () => {
    expect(has(graph, source, 'flow', execution)).toBe(true)
    expect(has(graph, execution, 'flow', destination)).toBe(true)
    expect(has(graph, source, 'flow', destination)).toBe(true)
    expect(flows(graph)).toHaveLength(3)
  })

  it('joins agent, model, owner, reviewer, rule and grant', () => {
    const intent = node('intent', id(3, 1))
    const review = node('review', id(4, 1))
    const grant = node('grant', id(5, 1))
    expect(has(graph, node('agent', subjects.etlBot), 'asked', intent)).toBe(true)
    expect(has(graph, node('model', 'm-4'), 'proposed', intent)).toBe(true)
    expect(has(graph, node('person', subjects.dana), 'owns', node('agent', subjects.etlBot))).toBe(true)
    expect(has(graph, node('rule', 'exports-need-two-eyes'), 'decided', intent)).toBe(true)
    expect(has(graph, node('person', subjects.dana), 'refused', review)).toBe(true)
    expect(has(graph, node('person', subjects.ben), 'approved', review)).toBe(true)
    expect(has(graph, review, 'leads_to', grant)).toBe(true)
    expect(has(graph, grant, 'ran', execution)).toBe(true)
    expect(graph.nodes.get(intent)?.attributes.state?.[1]).toBe('succeeded')
  })
})

it('takes data out of a target that is read and into one that is changed', () => {
  const graph = projectLineage([
    ...lifeOf({ n: 1, ending: 'succeeded', action: 's3.get-object', target: 'orders' }),
    ...lifeOf({ n: 2, ending: 'succeeded', action: 'table.drop', target: 'orders' }),
  ])
  expect(flows(graph).map(({ from, to }) => [from, to])).toEqual([
    [node('dataset', 'production/orders'), node('execution', id(5, 1))],
    [node('execution', id(5, 2)), node('dataset', 'production/orders')],
  ])
})

it('keeps tenants and environments apart', () => {
  const other = id(9, 2)
  const graph = projectLineage([
    ...lifeOf({ n: 1, ending: 'succeeded', target: 'orders', environment: 'staging' }),
    ...lifeOf({ n: 2, ending: 'succeeded', target: 'orders' }),
    ...lifeOf({ n: 3, ending: 'succeeded', target: 'orders', tenantId: other }),
  ])
  const datasets = [...graph.nodes.values()].filter(({ kind }) => kind === 'dataset')
  expect(new Set(datasets.map((dataset) => `${dataset.tenantId} ${dataset.key}`))).toEqual(
    new Set([`${tenantId} production/orders`, `${tenantId} staging/orders`, `${other} production/orders`]),
  )
  for (const { from, to, tenantId: of } of graph.edges.values()) {
    expect([graph.nodes.get(from)?.tenantId, graph.nodes.get(to)?.tenantId]).toEqual([of, of])
  }
})

const asRows = (graph: LineageGraph) => ({
  nodes: new Map([...graph.nodes].sort(([one], [other]) => (one < other ? -1 : 1))),
  edges: new Map([...graph.edges].sort(([one], [other]) => (one < other ? -1 : 1))),
  facts: new Map([...graph.facts].sort(([one], [other]) => (one < other ? -1 : 1))),
})
