import type { Batch } from 'kafkajs'
import { busLimits } from '../bus.ts'
import { takenFrom, type Taken } from './delivered.ts'
import type { FetchedMessage } from './fetch/fetched-message.ts'

/** Records for a handler, none when all of it is gaps, and the offset that is done with them. */
export interface Slice {
  readonly taken: readonly Taken[]
  readonly lastOffset: string
}

/** Cuts what was fetched of a partition into batches for a handler, none above the limits unless one record is. */
export function* slicesOf(
  { topic, partition, messages }: Pick<Batch, 'topic' | 'partition' | 'messages'>,
  maxRecords: number,
): Generator<Slice> {
  let taken: Taken[] = []
  let lastOffset = ''
  let bytes = 0
  // What kafkajs calls a message is what our reading of fetches made of it.
  for (const message of messages as unknown as readonly FetchedMessage[]) {
    if (!message.isGap) {
      const next = takenFrom(topic, partition, message)
      if (taken.length > 0 && (taken.length === maxRecords || bytes + message.size > busLimits.batchBytes)) {
        yield { taken, lastOffset }
        taken = []
        bytes = 0
      }
      taken.push(next)
      bytes += message.size
    }
    lastOffset = message.offset
  }
  if (lastOffset !== '') yield { taken, lastOffset }
}
