import type { DeliveredBatch, DeliveredRecord, RecordOutcome } from '@countersign/bus'
import type pg from 'pg'
import { projectEvents } from './project-events.ts'
import { readEvent } from './read-event.ts'

/**
 * Projects a batch of `countersign.events.v1`: reads every record once, writes all that are authentic events in one
 * round trip. What is not is answered record by record; a failing database is an outage, and the batch comes again.
 */
export const projectBatch = async (
  pool: pg.Pool,
  { records }: DeliveredBatch,
  verify: (record: DeliveredRecord) => boolean,
): Promise<RecordOutcome[]> => {
  const read = records.map((record) => (verify(record) ? readEvent(record) : { quarantine: 'mac_invalid' }))
  await projectEvents(
    pool,
    read.flatMap((one) => ('event' in one ? [one.event] : [])),
  )
  return read.map((one) => ('event' in one ? 'done' : one))
}
