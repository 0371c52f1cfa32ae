import {
  refuse,
  type ChangedEntry,
  type EventOf,
  type RecordedEventOf,
  type Refusal,
  type RemoveEntryBody,
} from '@countersign/contracts'
import { type Decision, type EventStore, registerStream } from '@countersign/event-store'
import type { PersonCaller } from '../caller.ts'

type Removal = EventOf<'AgentRemoved' | 'ProducerRemoved'>
type Answer = ChangedEntry | Refusal

const removalOf = (
  last: RecordedEventOf,
  { subjectId: changedBy }: PersonCaller,
  reason: string,
): Removal | undefined => {
  switch (last.type) {
    case 'AgentRegistered': {
      const { agent, subjectId } = last.data
      return { type: 'AgentRemoved', data: { agent, subjectId, changedBy, reason } }
    }
    case 'ProducerRegistered':
      return { type: 'ProducerRemoved', data: { producer: last.data.producer, changedBy, reason } }
    default:
      return undefined
  }
}

/**
 * Takes agents and producers out of their register. Their client speaks for nobody from the commit on, and nothing that was
 * approved for a removed agent can be collected or redeemed. The row stays: the name is never somebody else's by itself, and
 * who owned it still may not approve what it asked for.
 */
export class RemoveEntry {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(
    caller: PersonCaller,
    register: 'agent' | 'producer',
    { name, reason }: RemoveEntryBody,
  ): Promise<Answer> {
    const { tenantId, subjectId } = caller
    const stream = registerStream(tenantId, register, name)
    const { answer } = await this.#store.execute(
      { streams: [stream] },
      {
        decide: (_command, loaded): Decision<Answer> => {
          const last = loaded.of(stream).events.findLast(({ type }) => type !== 'RegisterReviewed')
          if (last === undefined) return { append: [], answer: refuse('not_found') }
          const removal = removalOf(last, caller, reason)
          return removal === undefined
            ? { append: [], answer: { name, changed: false } }
            : { append: [{ stream, events: [removal] }], answer: { name, changed: true } }
        },
        effects: async (tx, [decided]) => {
          if ((decided?.events.length ?? 0) === 0) return
          await tx.query(
            `update countersign.${register} set client_id = null, removed_at = clock_timestamp(), seeded = false,
               changed_by = $3, changed_at = clock_timestamp(), reviewed_by = null, change_reason = $4
             where tenant_id = $1 and name = $2`,
            [tenantId, name, subjectId, reason],
          )
        },
      },
    )
    return answer
  }
}
