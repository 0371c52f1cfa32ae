import type { RecordedEventOf } from '@countersign/contracts'
import type pg from 'pg'
import type { ProjectionSchema } from './migrations/projection-tables.ts'
import { auditColumns } from './project-audit/project-audit.ts'
import { lineageColumns, type ColumnCall } from './project-lineage/project-lineage.ts'

/**
 * Projects a batch into lineage and audit: one round trip, one transaction, both or neither. The same events in any
 * order, in any batches and any number of times leave the same rows.
 */
export const projectEvents = async (
  db: Pick<pg.ClientBase, 'query'> | pg.Pool,
  events: readonly RecordedEventOf[],
  schema: ProjectionSchema = 'lineage',
): Promise<void> => {
  if (events.length === 0) return
  const lineage = lineageColumns(events)
  const audit = auditColumns(events)
  await db.query({
    name: `project_events_${schema}`,
    text: `select ${schema}.project_lineage(${parameters(lineage, 1)}),
       ${schema}.project_audit(${parameters(audit, lineage.values.length + 1)})`,
    values: [...lineage.values, ...audit.values],
  })
}

const parameters = ({ types }: ColumnCall, first: number): string =>
  types.map((type, index) => `$${first + index}::${type}[]`).join(', ')
