import { refuse, type Refusal, type ReviewedEntry, type ReviewEntryBody } from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  noteReview,
  registerStream,
  reviewerRefusal,
  unreviewedChanges,
} from '@countersign/event-store'
import type { PersonCaller } from '../caller.ts'

type Answer = ReviewedEntry | Refusal

/**
 * Another person says that changes of an agent or a producer are as they should be. Until somebody has, and for 7 days in
 * any case, whoever made them approves nothing that the entry asks for. Nobody reviews what they changed themselves, or once they may not act any more.
 */
export class ReviewEntry {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(
    { tenantId, subjectId: by }: PersonCaller,
    register: 'agent' | 'producer',
    { name, upTo, reason }: ReviewEntryBody,
  ): Promise<Answer> {
    const stream = registerStream(tenantId, register, name)
    const entry = { tenantId, register, name }
    const { answer } = await this.#store.execute(
      { streams: [stream] },
      {
        read: async (tx) => ({
          open: await unreviewedChanges(tx, entry, { upTo, by }),
          refusal: await reviewerRefusal(tx, { tenantId, by }),
        }),
        decide: (_command, loaded, { open, refusal }): Decision<Answer> => {
          if (refusal !== undefined) return { append: [], answer: refusal }
          if (loaded.of(stream).version === 0 || open === undefined) return { append: [], answer: refuse('not_found') }
          const changes = open.filter(({ isOwn }) => !isOwn).map(({ changeId }) => changeId)
          const left = open.filter(({ isOwn }) => isOwn).map(({ changeId }) => changeId)
          if (changes.length === 0) {
            return { append: [], answer: left.length > 0 ? refuse('own_change') : { name, reviewed: [], left } }
          }
          const data = { register, entry: name, changes, by, ...(reason === undefined ? {} : { reason }) }
          return {
            append: [{ stream, events: [{ type: 'RegisterReviewed', data }] }],
            answer: { name, reviewed: changes, left },
          }
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
