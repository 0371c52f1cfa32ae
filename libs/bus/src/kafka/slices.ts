import type { KafkaMessage } from 'kafkajs'
import { busLimits } from '../bus.ts'
import { takenFrom, type Taken } from './delivered.ts'
import { sizeOfRecord } from '../check-record.ts'

/** Cuts what was fetched of a partition into batches for a handler, none above the limits unless one record is. */
export function* slicesOf(
  place: { readonly topic: string; readonly partition: number },
  messages: readonly KafkaMessage[],
  maxRecords: number,
): Generator<readonly Taken[]> {
  let slice: Taken[] = []
  let bytes = 0
  for (const message of messages) {
    const taken = takenFrom(place.topic, place.partition, message)
    const size = sizeOfRecord(taken.record)
    if (slice.length > 0 && (slice.length === maxRecords || bytes + size > busLimits.batchBytes)) {
      yield slice
      slice = []
      bytes = 0
    }
    slice.push(taken)
    bytes += size
  }
  if (slice.length > 0) yield slice
}
