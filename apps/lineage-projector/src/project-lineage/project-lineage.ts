import type { RecordedEventOf } from '@countersign/contracts'
import { evolve, mergeDeltas } from '@countersign/lineage-graph'

/** Arguments of `project_lineage`, in its order; `types` cast them. */
const types = [
  'uuid uuid text text text timestamptz',
  'uuid uuid text uuid text timestamptz',
  'uuid uuid uuid uuid uuid uuid timestamptz uuid timestamptz',
].flatMap((columns) => columns.split(' '))

/** A call of a function that takes columns: its argument list in SQL, and the columns. */
export type ColumnCall = { readonly values: readonly (readonly unknown[])[]; readonly types: readonly string[] }

/** What a batch of events adds to the lineage graph, merged by natural key, as columns of `project_lineage`. */
export const lineageColumns = (events: Iterable<RecordedEventOf>): ColumnCall => {
  const merged = mergeDeltas(Array.from(events, evolve))
  const nodes = [...merged.nodes.values()]
  const edges = [...merged.edges.values()]
  const facts = [...merged.facts.values()]
  return {
    types,
    values: [
      nodes.map((node) => node.tenantId),
      nodes.map((node) => node.id),
      nodes.map((node) => node.kind),
      nodes.map((node) => node.key),
      nodes.map((node) => JSON.stringify(node.attributes)),
      nodes.map((node) => node.firstAt),
      edges.map((edge) => edge.tenantId),
      edges.map((edge) => edge.from),
      edges.map((edge) => edge.kind),
      edges.map((edge) => edge.to),
      edges.map((edge) => JSON.stringify(edge.attributes)),
      edges.map((edge) => edge.firstAt),
      facts.map((fact) => fact.tenantId),
      facts.map((fact) => fact.intentId),
      facts.map((fact) => fact.reads ?? null),
      facts.map((fact) => fact.writes ?? null),
      facts.map((fact) => fact.approvedReview ?? null),
      facts.map((fact) => fact.grant ?? null),
      facts.map((fact) => fact.grantedAt ?? null),
      facts.map((fact) => fact.execution ?? null),
      facts.map((fact) => fact.executedAt ?? null),
    ],
  }
}
