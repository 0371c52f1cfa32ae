import type { RecordedEvent } from '@countersign/contracts'
import { nodeId, type AttributeValue, type EdgeKind, type LineageEdge, type LineageNode, type NodeRef } from './node.ts'

/**
 * What is known of one intent, for the edges that no single event shows. Every field comes from one event; where a
 * broken history offers two values, the lower one stays, so that order never matters. Nodes are given by id.
 */
export type IntentFacts = {
  readonly tenantId: string
  readonly intentId: string
  readonly reads?: string
  readonly writes?: string
  readonly approvedReview?: string
  readonly grant?: string
  readonly grantedAt?: string
  readonly execution?: string
  readonly executedAt?: string
}

/** What one event adds to the graph: upserts by natural key. */
export type LineageDelta = {
  readonly nodes: readonly LineageNode[]
  readonly edges: readonly LineageEdge[]
  readonly facts: readonly IntentFacts[]
}

type Values = Readonly<Record<string, AttributeValue | null | undefined>>

/** Collects what one event adds; all of it carries the event's time and stamp. */
export type Draft = {
  node(ref: NodeRef, attributes?: Values): string
  edge(from: string, kind: EdgeKind, to: string, attributes?: Values): void
  facts(facts: Omit<IntentFacts, 'tenantId'>): void
  finish(): LineageDelta
}

/**
 * Starts the draft of one event. Within one intent the stream's version orders contributions; across streams the time
 * of recording does, with the event id to break ties: both are the same for everybody who sees the event.
 */
export const draftOf = (event: RecordedEvent): Draft => {
  const { tenantId, recordedAt } = event
  const stamp =
    event.kind === 'intent' ? `v${String(event.version).padStart(10, '0')}` : `${event.recordedAt} ${event.eventId}`
  const shared = `${event.recordedAt} ${event.eventId}`
  const nodes: LineageNode[] = []
  const edges: LineageEdge[] = []
  const facts: IntentFacts[] = []
  const stamped = (values: Values, by: string) =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) =>
        value === undefined || value === null ? [] : [[name, [by, value] as const]],
      ),
    )
  return {
    node(ref, attributes = {}) {
      const id = nodeId(ref)
      const by = ofOneIntent.has(ref.kind) ? stamp : shared
      nodes.push({ ...ref, id, attributes: stamped(attributes, by), firstAt: recordedAt })
      return id
    },
    edge(from, kind, to, attributes = {}) {
      edges.push({ tenantId, from, kind, to, attributes: stamped(attributes, shared), firstAt: recordedAt })
    },
    facts(more) {
      facts.push({ tenantId, ...more })
    },
    finish: () => ({ nodes, edges, facts }),
  }
}

/** Kinds that belong to one intent: only events of its stream describe them. */
const ofOneIntent: ReadonlySet<NodeRef['kind']> = new Set(['intent', 'review', 'grant', 'execution'])
