import type { LineageEdge, LineageNode, NodeKind } from './node.ts'

/** Columns from cause to effect; `x` of a node is its column's index. */
export const columns = ['source', 'agent', 'intent', 'decision', 'review', 'grant', 'execution', 'data'] as const
export type Column = (typeof columns)[number]

const columnOf: Record<NodeKind, Column> = {
  model: 'source',
  session: 'source',
  producer: 'source',
  person: 'source',
  agent: 'agent',
  intent: 'intent',
  policy_set: 'decision',
  rule: 'decision',
  review: 'review',
  grant: 'grant',
  execution: 'execution',
  dataset: 'data',
}

export type Placed = { readonly x: number; readonly y: number; readonly column: Column }

/**
 * Places nodes in columns: `x` is the column, `y` the row in it, both from 0. A person who gave a verdict stands with
 * the reviews. Rows follow the rows of what is joined to them further left, then time, so that paths stay level and the
 * same graph is always drawn the same.
 */
export const layOut = (
  nodes: readonly LineageNode[],
  edges: readonly Pick<LineageEdge, 'from' | 'kind' | 'to'>[],
): ReadonlyMap<string, Placed> => {
  const reviewers = new Set(
    edges.filter(({ kind }) => kind === 'approved' || kind === 'denied').map(({ from }) => from),
  )
  const column = (node: LineageNode): Column =>
    node.kind === 'person' && reviewers.has(node.id) ? 'review' : columnOf[node.kind]
  const neighbours = new Map<string, string[]>()
  for (const { from, to } of edges) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to])
    neighbours.set(to, [...(neighbours.get(to) ?? []), from])
  }
  const placed = new Map<string, Placed>()
  for (const [x, name] of columns.entries()) {
    const rank = (node: LineageNode) => {
      const rows = (neighbours.get(node.id) ?? []).flatMap((id) => placed.get(id)?.y ?? [])
      return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row, 0) / rows.length
    }
    const ranked = nodes.filter((node) => column(node) === name).map((node) => ({ node, rank: rank(node) }))
    ranked.sort(
      (one, other) =>
        one.rank - other.rank ||
        (one.node.firstAt === other.node.firstAt
          ? one.node.id < other.node.id
            ? -1
            : 1
          : one.node.firstAt < other.node.firstAt
            ? -1
            : 1),
    )
    for (const [y, { node }] of ranked.entries()) placed.set(node.id, { x, y, column: name })
  }
  return placed
}
