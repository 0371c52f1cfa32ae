import type { RecordedEventOf } from '@countersign/contracts'
import type { ColumnCall } from '../project-lineage/project-lineage.ts'

const types = ['uuid', 'uuid', 'text', 'uuid', 'bigint', 'text', 'integer', 'text', 'timestamptz'] as const

/**
 * A batch of events as columns of `project_audit`. The event is kept, not the row made of it: rows are mapped when they
 * are read, so that a better mapping needs no rebuild.
 */
export const auditColumns = (events: Iterable<RecordedEventOf>): ColumnCall => {
  const distinct = [...new Map(Array.from(events, (event) => [`${event.tenantId} ${event.eventId}`, event])).values()]
  return {
    types,
    values: [
      distinct.map((event) => event.tenantId),
      distinct.map((event) => event.eventId),
      distinct.map((event) => event.kind),
      distinct.map((event) => event.streamId),
      distinct.map((event) => event.version),
      distinct.map((event) => event.type),
      distinct.map((event) => event.schemaVersion),
      distinct.map((event) => JSON.stringify(event.data)),
      distinct.map((event) => event.recordedAt),
    ],
  }
}
