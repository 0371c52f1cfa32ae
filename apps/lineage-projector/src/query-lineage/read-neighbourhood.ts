import { peopleById, withTenants, type Transaction } from '@countersign/event-store'
import { layOut, type Attributes, type Direction, type LineageNode, type NodeKind } from '@countersign/lineage-graph'
import type pg from 'pg'
import { labelOf } from './label.ts'

export type LineageQuestion = {
  readonly tenantId: string
  readonly kind: NodeKind
  /** Natural key, node id, or the name of an agent. */
  readonly id: string
  readonly direction: Direction
  readonly depth: number
  readonly maxNodes: number
  readonly skip: number
  readonly asOf?: string
}

export type NeighbourhoodAnswer = {
  readonly start: string
  readonly nodes: readonly Readonly<Record<string, unknown>>[]
  readonly edges: readonly Readonly<Record<string, unknown>>[]
  readonly truncated: boolean
  /** Which bound cut the answer. */
  readonly reason?: 'depth' | 'nodes' | 'time'
  /** Where the walk goes on: pass it back to get the rest. */
  readonly next?: { readonly skip: number; readonly asOf: string }
}

type NodeRow = { id: string; kind: NodeKind; key: string; attributes: Attributes; first_at: Date }
type EdgeRow = { from_id: string; kind: string; to_id: string; attributes: Attributes; first_at: Date }

/** The walk failed because the database stopped it: nothing is known about the neighbourhood. */
export class WalkTooSlow extends Error {}

const ways = { up: ['up'], down: ['down'], both: ['down', 'up'] } as const satisfies Record<
  Direction,
  readonly string[]
>

/**
 * Answers what stands around a node: bounded in depth, nodes and time, and never cut without saying so. People get
 * their names here, at read time; the projection holds ids only. Undefined when the tenant has no such node.
 */
export const readNeighbourhood = (
  pool: pg.Pool,
  question: LineageQuestion,
  limits: { readonly walkMs: number },
): Promise<NeighbourhoodAnswer | undefined> =>
  withTenants(pool, [question.tenantId], async (tx) => {
    // The walk watches the clock between levels; the server's limit stops a single level that is too large.
    await tx.query(`set local statement_timeout = ${Math.trunc(limits.walkMs) * 2}`)
    try {
      return await answer(tx, question, limits.walkMs)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === '57014') throw new WalkTooSlow('walk cancelled')
      throw error
    }
  })

const answer = async (
  tx: Transaction,
  question: LineageQuestion,
  walkMs: number,
): Promise<NeighbourhoodAnswer | undefined> => {
  const { tenantId, direction, depth, maxNodes, skip, asOf } = question
  const start = await findNode(tx, question)
  if (start === undefined) return undefined
  const walked = await tx.query<{ ids: string[]; reason: NeighbourhoodAnswer['reason'] | null; now: Date }>(
    `select ids, reason, clock_timestamp() as now
     from lineage.walk($1, $2, $3::text[], $4, $5, $6::timestamptz, $7 * interval '1 millisecond')`,
    [tenantId, start, ways[direction], depth, skip + maxNodes, asOf ?? null, walkMs],
  )
  const walk = walked.rows[0]
  if (walk === undefined) throw new Error('the walk gave no answer')
  const page = walk.ids.slice(skip)
  const nodes = await readNodes(tx, tenantId, page)
  const edges = await readEdges(tx, question, { known: walk.ids, page })
  const names = await readNames(tx, tenantId, nodes)
  const placed = layOut(nodes, edges)
  const reason = walk.reason ?? undefined
  return {
    start,
    nodes: nodes.map((node) => ({
      id: node.id,
      kind: node.kind,
      key: node.key,
      label: names.get(node.key) ?? labelOf(node),
      attributes: plain(node.attributes),
      firstAt: node.firstAt,
      ...placed.get(node.id),
    })),
    edges: edges.map(({ attributes, ...edge }) => ({ ...edge, attributes: plain(attributes) })),
    truncated: reason !== undefined,
    ...(reason === undefined ? {} : { reason }),
    ...(reason === 'nodes' ? { next: { skip: walk.ids.length, asOf: asOf ?? walk.now.toISOString() } } : {}),
  }
}

const findNode = async (tx: Transaction, { tenantId, kind, id }: LineageQuestion): Promise<string | undefined> => {
  const { rows } = await tx.query<{ id: string }>(
    `select id from (
       select 1 as place, id from lineage.node where tenant_id = $1 and kind = $2 and key = $3
       union all
       select 2, id from lineage.node where tenant_id = $1 and kind = $2 and id = $4
       union all
       select 3, id from lineage.node
       where tenant_id = $1 and kind = 'agent' and $2 = 'agent' and attributes #>> '{name,1}' = $3
     ) as found order by place, id limit 1`,
    [tenantId, kind, id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : null],
  )
  return rows[0]?.id
}

const readNodes = async (tx: Transaction, tenantId: string, ids: readonly string[]): Promise<LineageNode[]> => {
  const { rows } = await tx.query<NodeRow>(
    `select n.id, n.kind, n.key, n.attributes, n.first_at
     from unnest($2::uuid[]) with ordinality as page(id, place)
     join lineage.node n on n.tenant_id = $1 and n.id = page.id order by page.place`,
    [tenantId, ids],
  )
  return rows.map(({ first_at: firstAt, ...node }) => ({ ...node, tenantId, firstAt: firstAt.toISOString() }))
}

const readEdges = async (
  tx: Transaction,
  { tenantId, asOf }: LineageQuestion,
  { known, page }: { readonly known: readonly string[]; readonly page: readonly string[] },
) => {
  const { rows } = await tx.query<EdgeRow>(
    `select e.from_id, e.kind, e.to_id, e.attributes, e.first_at
     from unnest($2::uuid[]) as k(id)
     join lineage.edge e on e.tenant_id = $1 and e.from_id = k.id
     join unnest($2::uuid[]) as other(id) on other.id = e.to_id
     left join unnest($3::uuid[]) as p(id) on p.id = e.from_id
     left join unnest($3::uuid[]) as q(id) on q.id = e.to_id
     where (p.id is not null or q.id is not null) and ($4::timestamptz is null or e.first_at <= $4)
     order by e.from_id, e.kind collate "C", e.to_id`,
    [tenantId, known, page, asOf ?? null],
  )
  return rows.map((row) => ({
    from: row.from_id,
    kind: row.kind as 'flow',
    to: row.to_id,
    attributes: row.attributes,
    firstAt: row.first_at.toISOString(),
  }))
}

const readNames = async (
  tx: Transaction,
  tenantId: string,
  nodes: readonly LineageNode[],
): Promise<ReadonlyMap<string, string>> => {
  const people = nodes.filter(({ kind }) => kind === 'person').map(({ key }) => ({ tenantId, subjectId: key }))
  if (people.length === 0) return new Map()
  return new Map((await peopleById(tx, people)).map((person) => [person.subjectId, person.displayName]))
}

/** Values without the stamps that order them. */
const plain = (attributes: Attributes) =>
  Object.fromEntries(Object.entries(attributes).map(([name, [, value]]) => [name, value]))
