import { refuse, type EventOf, type Refusal, type ReviewedEntry, type ReviewEntryBody } from '@countersign/contracts'
import { type Decision, type EventStore, noteReview, unreviewedChanges } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import type { PersonCaller } from '../caller.ts'
import { registerStream } from '../streams.ts'

type Answer = ReviewedEntry | Refusal

/**
 * Another person says that changes of a group are as they should be. Until somebody has, and for 7 days in any case, whoever
 * made them fills none of its seats. Nobody reviews what they changed themselves.
 */
export class ReviewGroup {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle({ tenantId, subjectId: by }: PersonCaller, { name, upTo, reason }: ReviewEntryBody): Promise<Answer> {
    const ref = registerStream(tenantId, nameId('group', tenantId, name))
    const entry = { tenantId, register: 'directory_group', name } as const
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: (tx) => unreviewedChanges(tx, entry, upTo),
        decide: (_command, loaded, open): Decision<Answer> => {
          if (loaded.of(ref).version === 0 || open === undefined) return { append: [], answer: refuse('not_found') }
          const changes = open.filter(({ changedBy }) => changedBy !== by).map(({ changeId }) => changeId)
          const left = open.filter(({ changedBy }) => changedBy === by).map(({ changeId }) => changeId)
          if (changes.length === 0) {
            return { append: [], answer: left.length > 0 ? refuse('own_change') : { name, reviewed: [], left } }
          }
          const event: EventOf<'DirectoryReviewed'> = {
            type: 'DirectoryReviewed',
            data: { group: name, changes, by, ...(reason === undefined ? {} : { reason }) },
          }
          return { append: [{ stream: ref, events: [event] }], answer: { name, reviewed: changes, left } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || !('reviewed' in decided.answer) || decided.events.length === 0) return
          await noteReview(tx, entry, { changes: decided.answer.reviewed, by })
        },
      },
    )
    return answer
  }
}
