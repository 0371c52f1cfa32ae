import { hash } from 'node:crypto'

/** What the graph knows: who asked, what decided, what was permitted, what ran, and the data. */
export const nodeKinds = [
  'agent',
  'model',
  'person',
  'session',
  'producer',
  'intent',
  'policy_set',
  'rule',
  'review',
  'grant',
  'execution',
  'dataset',
] as const
export type NodeKind = (typeof nodeKinds)[number]

export const isNodeKind = (kind: string): kind is NodeKind => (nodeKinds as readonly string[]).includes(kind)

/** Natural key of a node inside its tenant. */
export type NodeRef = { readonly tenantId: string; readonly kind: NodeKind; readonly key: string }

export type AttributeValue = string | number | boolean
/** Attribute → `[stamp, value]`; of two contributions the higher stamp stays, whichever came first. */
export type Attributes = Readonly<Record<string, readonly [stamp: string, value: AttributeValue]>>

export type LineageNode = NodeRef & {
  readonly id: string
  readonly attributes: Attributes
  /** When the first event that names this node was recorded. */
  readonly firstAt: string
}

/**
 * Edges point from cause to effect. `flow` is the only one that says data moved; it exists only for what ran and
 * succeeded. Through the others nobody's data is reached that an execution did not touch.
 */
export const edgeKinds = [
  'asked',
  'proposed',
  'contains',
  'behind',
  'delegated',
  'named',
  'owns',
  'registers',
  'target_of',
  'decided',
  'activated',
  'asks_review',
  'saw',
  'approved',
  'denied',
  'refused',
  'leads_to',
  'granted',
  'collected',
  'revoked',
  'ran',
  'reconciled',
  'flow',
] as const
export type EdgeKind = (typeof edgeKinds)[number]

/** An edge between two node ids of one tenant; `(from, kind, to)` is its natural key. */
export type LineageEdge = {
  readonly tenantId: string
  readonly from: string
  readonly kind: EdgeKind
  readonly to: string
  readonly attributes: Attributes
  readonly firstAt: string
}

/**
 * Id of a node: a version 8 UUID out of SHA-256 over tenant, kind and key. It is the same in every rebuild and needs no
 * look-up before an edge is written.
 */
export const nodeId = ({ tenantId, kind, key }: NodeRef): string => {
  const hex = hash('sha256', `countersign lineage node\n${tenantId}\n${kind}\n${key}`, 'hex')
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(18, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** Natural key of an edge as one string. */
export const edgeKey = ({ from, kind, to }: Pick<LineageEdge, 'from' | 'kind' | 'to'>): string =>
  `${from} ${kind} ${to}`
