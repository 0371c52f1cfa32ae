import type { RecordedEventOf } from '@countersign/contracts'
import type { IntentFacts, LineageDelta } from './delta.ts'
import { evolve } from './evolve.ts'
import { edgeKey, type Attributes, type LineageEdge, type LineageNode } from './node.ts'

/** Nodes by id, edges by natural key, facts by intent. */
export type LineageGraph = {
  readonly nodes: ReadonlyMap<string, LineageNode>
  readonly edges: ReadonlyMap<string, LineageEdge>
  readonly facts: ReadonlyMap<string, IntentFacts>
}

export const emptyGraph: LineageGraph = { nodes: new Map(), edges: new Map(), facts: new Map() }

const lower = <T extends string | undefined>(one: T, other: T): T =>
  one === undefined ? other : other === undefined || one <= other ? one : other

const mergeAttributes = (one: Attributes, other: Attributes): Attributes => {
  const merged: Record<string, Attributes[string]> = { ...one }
  for (const [name, [stamp, value]] of Object.entries(other)) {
    const known = merged[name]
    if (known === undefined || known[0] < stamp) merged[name] = [stamp, value]
  }
  return merged
}

const mergeFacts = (one: IntentFacts, other: IntentFacts): IntentFacts => {
  const merged: Record<string, string> = { ...one }
  for (const [name, value] of Object.entries(other)) merged[name] = lower(merged[name] ?? value, value)
  return merged as IntentFacts
}

/**
 * Edges that take more than one event: an approved review leads to the grant; a success makes data flow from what was
 * read through the execution to what was written. Without a reported success there is no flow, whatever was granted.
 */
export const deriveEdges = (facts: IntentFacts): LineageEdge[] => {
  const { tenantId, approvedReview, grant, grantedAt, execution, executedAt, reads, writes } = facts
  const edges: LineageEdge[] = []
  const add = (from: string, kind: LineageEdge['kind'], to: string, firstAt: string) =>
    edges.push({ tenantId, from, kind, to, attributes: {}, firstAt })
  if (approvedReview !== undefined && grant !== undefined && grantedAt !== undefined) {
    add(approvedReview, 'leads_to', grant, grantedAt)
  }
  if (execution !== undefined && executedAt !== undefined) {
    if (reads !== undefined) add(reads, 'flow', execution, executedAt)
    if (writes !== undefined) add(execution, 'flow', writes, executedAt)
    if (reads !== undefined && writes !== undefined) add(reads, 'flow', writes, executedAt)
  }
  return edges
}

/** Merges deltas by natural key, derived edges not included: what a batch writes. */
export const mergeDeltas = (deltas: Iterable<LineageDelta>, onto: LineageGraph = emptyGraph): LineageGraph => {
  const nodes = new Map(onto.nodes)
  const edges = new Map(onto.edges)
  const facts = new Map(onto.facts)
  for (const delta of deltas) {
    for (const node of delta.nodes) {
      const known = nodes.get(node.id)
      nodes.set(node.id, known === undefined ? node : mergeSame(known, node))
    }
    for (const edge of delta.edges) addEdge(edges, edge)
    for (const fact of delta.facts) {
      const key = `${fact.tenantId} ${fact.intentId}`
      const known = facts.get(key)
      facts.set(key, known === undefined ? fact : mergeFacts(known, fact))
    }
  }
  return { nodes, edges, facts }
}

/** The whole graph of a set of events. */
export const projectLineage = (events: Iterable<RecordedEventOf>): LineageGraph => {
  const merged = mergeDeltas(Array.from(events, evolve))
  const edges = new Map(merged.edges)
  for (const facts of merged.facts.values()) for (const edge of deriveEdges(facts)) addEdge(edges, edge)
  return { ...merged, edges }
}

const addEdge = (edges: Map<string, LineageEdge>, edge: LineageEdge) => {
  const known = edges.get(edgeKey(edge))
  edges.set(edgeKey(edge), known === undefined ? edge : mergeSame(known, edge))
}

const mergeSame = <T extends LineageNode | LineageEdge>(one: T, other: T): T => ({
  ...one,
  attributes: mergeAttributes(one.attributes, other.attributes),
  firstAt: lower(one.firstAt, other.firstAt),
})
