import { eventStore, newId, type StreamRef } from '@countersign/event-store'
import type { EventData } from '@countersign/contracts'
import type { OpenedStore } from '../opened-store.ts'

/** Appends events like those of a published intent, each to a stream of its own, 100 in a transaction as intake does. */
export const eventAppender = (store: OpenedStore): ((events: number) => Promise<number>) => {
  const { tenantId, superuser } = store
  const target = eventStore(store.poolOf('intake'), { metadata: { service: 'intake', producer: 'etl' } })
  return async (events) => {
    const { rows } = await superuser.query<{ data: EventData<'ActionIntentPublished'> }>(
      `select data from countersign.event where kind = 'intent' and version = 1 and tenant_id = $1 limit 1`,
      [tenantId],
    )
    const [sample] = rows
    if (sample === undefined) throw new Error('there is no intent to take as a sample')
    const { subjects: _, ...data } = sample.data
    for (let at = 0; at < events; at += 100) {
      const commands = Array.from({ length: Math.min(100, events - at) }, () => {
        const stream: StreamRef = { kind: 'intent', streamId: newId(), tenantId }
        return { streams: [stream] }
      })
      const outcomes = await target.executeBatch(commands, {
        decide: ({ streams: [stream] }) => {
          if (stream === undefined) throw new Error('a command has a stream')
          const event = { type: 'ActionIntentPublished' as const, data: { ...data, intentId: stream.streamId } }
          return { append: [{ stream, events: [event] }], answer: undefined }
        },
      })
      if (outcomes.some(({ status }) => status !== 'decided')) throw new Error('an event was not appended')
    }
    return events
  }
}
