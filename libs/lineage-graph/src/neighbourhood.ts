import type { LineageGraph } from './graph.ts'
import { edgeKey, type LineageEdge, type LineageNode } from './node.ts'

/** `up`: what something rests on; `down`: what follows from it; `both`: each of them, never a zigzag. */
export type Direction = 'up' | 'down' | 'both'

export type NeighbourhoodOptions = {
  readonly direction: Direction
  /** Steps from the start, 0 to 20. */
  readonly depth: number
  /** Nodes in one answer, 1 to 5,000. */
  readonly maxNodes: number
  /** Nodes of the same walk that earlier answers gave. */
  readonly skip?: number
  /** Only what was recorded up to then; ISO time. */
  readonly asOf?: string
}

export type Neighbourhood = {
  readonly nodes: readonly LineageNode[]
  readonly edges: readonly LineageEdge[]
  readonly truncated: boolean
  readonly reason?: 'depth' | 'nodes'
  /** What to skip to go on; only when nodes were left out within the depth. */
  readonly next?: number
}

export const deepest = 20
export const mostNodes = 5_000

type Step = { readonly id: string; readonly way: 'up' | 'down'; readonly firstAt: string }

/**
 * Bounded walk in breadth, each direction by itself. Inside a level the newest edges come first, then the id, so that
 * the walk is one fixed order and `skip` continues it. `target_of` is followed from the start only: what was merely
 * asked about some data does not follow from what others did to it. Nothing is left out silently: `truncated` says so,
 * with the bound that was met. This is the reference that the SQL walk is tested against.
 */
export const neighbourhood = (
  graph: LineageGraph,
  start: string,
  { direction, depth, maxNodes, skip = 0, asOf }: NeighbourhoodOptions,
): Neighbourhood => {
  const startNode = graph.nodes.get(start)
  if (startNode === undefined) return { nodes: [], edges: [], truncated: false }
  const visible = [...graph.edges.values()].filter((edge) => asOf === undefined || edge.firstAt <= asOf)
  const between = (edges: readonly LineageEdge[]) => ({
    up: adjacency(edges, 'to', 'from'),
    down: adjacency(edges, 'from', 'to'),
  })
  const first = between(visible)
  const further = between(visible.filter(({ kind }) => kind !== 'target_of'))
  const ways = direction === 'both' ? (['down', 'up'] as const) : ([direction] as const)
  const limit = Math.min(maxNodes, mostNodes) + skip
  const seen = new Set(ways.map((way) => `${way} ${start}`))
  const walked = [start]
  const known = new Set(walked)
  let level: Step[] = ways.map((way) => ({ id: start, way, firstAt: '' }))
  let reason: 'depth' | 'nodes' | undefined
  for (let distance = 1; level.length > 0 && reason === undefined; distance += 1) {
    const candidates = stepsFrom(level, distance === 1 ? first : further).filter(
      ({ way, id }) => !seen.has(`${way} ${id}`),
    )
    if (candidates.length > 0 && distance > Math.min(depth, deepest)) {
      reason = 'depth'
      break
    }
    level = []
    for (const step of candidates) {
      if (!known.has(step.id)) {
        if (walked.length >= limit) {
          reason = 'nodes'
          break
        }
        known.add(step.id)
        walked.push(step.id)
      }
      seen.add(`${step.way} ${step.id}`)
      level.push(step)
    }
  }
  const page = new Set(walked.slice(skip))
  return {
    nodes: [...page].map((id) => graph.nodes.get(id)).filter((node) => node !== undefined),
    edges: visible
      .filter(({ from, to }) => known.has(from) && known.has(to) && (page.has(from) || page.has(to)))
      .sort((one, other) => (edgeKey(one) < edgeKey(other) ? -1 : 1)),
    truncated: reason !== undefined,
    ...(reason === undefined ? {} : { reason }),
    ...(reason === 'nodes' ? { next: walked.length } : {}),
  }
}

const adjacency = (edges: readonly LineageEdge[], at: 'from' | 'to', far: 'from' | 'to') => {
  const map = new Map<string, { id: string; firstAt: string }[]>()
  for (const edge of edges) {
    const known = map.get(edge[at])
    const step = { id: edge[far], firstAt: edge.firstAt }
    if (known === undefined) map.set(edge[at], [step])
    else known.push(step)
  }
  return map
}

const stepsFrom = (level: readonly Step[], next: Record<'up' | 'down', ReturnType<typeof adjacency>>): Step[] => {
  const newest = new Map<string, Step>()
  for (const { id: at, way } of level) {
    for (const { id, firstAt } of next[way].get(at) ?? []) {
      const known = newest.get(`${way} ${id}`)
      if (known === undefined || known.firstAt < firstAt) newest.set(`${way} ${id}`, { id, way, firstAt })
    }
  }
  return [...newest.values()].sort(
    (one, other) => compare(other.firstAt, one.firstAt) || compare(one.id, other.id) || compare(one.way, other.way),
  )
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
