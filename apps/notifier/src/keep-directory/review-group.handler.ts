import { refuse, type EventOf, type Refusal, type ReviewedEntry, type ReviewEntryBody } from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  noteReview,
  registerStream,
  reviewerRefusal,
  unreviewedChanges,
} from '@countersign/event-store'
import type { PersonCaller } from '../caller.ts'
import { countMembers, wordOf } from './seated-members.ts'

type Answer = ReviewedEntry | Refusal

/** What is reviewed: a group, or the connection of whoever keeps the directory, which is called `scim`. */
type Reviewed = 'directory_group' | 'directory_feed'

type Review = EventOf<'DirectoryReviewed' | 'DirectoryFeedReviewed'>

const reviewOf = (register: Reviewed, group: string, data: Omit<Review['data'], 'group'>): Review =>
  register === 'directory_group'
    ? { type: 'DirectoryReviewed', data: { group, ...data } }
    : { type: 'DirectoryFeedReviewed', data }

/**
 * Another person says that changes of a group, or the connection of a directory, are as they should be. Until somebody has,
 * whom they put into a group does not count, and whoever made them fills no seat that depends on it, nor for 7 days in any
 * case. Nobody reviews what they changed themselves, or once they may not act any more.
 */
export class ReviewGroup {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(
    { tenantId, subjectId: by }: PersonCaller,
    { name, upTo, reason }: ReviewEntryBody,
    register: Reviewed = 'directory_group',
  ): Promise<Answer> {
    const ref =
      register === 'directory_group' ? registerStream(tenantId, 'group', name) : registerStream(tenantId, 'feed')
    const entry = { tenantId, register, name }
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: async (tx) => ({
          open: await unreviewedChanges(tx, entry, { upTo, by }),
          word: await wordOf(tx, tenantId, by),
          refusal: await reviewerRefusal(tx, { tenantId, by }),
        }),
        decide: (_command, loaded, { open, word, refusal }): Decision<Answer> => {
          if (refusal !== undefined) return { append: [], answer: refusal }
          if (loaded.of(ref).version === 0 || open === undefined) return { append: [], answer: refuse('not_found') }
          const changes = open.filter(({ isOwn }) => !isOwn).map(({ changeId }) => changeId)
          const left = open.filter(({ isOwn }) => isOwn).map(({ changeId }) => changeId)
          if (changes.length === 0) {
            return { append: [], answer: left.length > 0 ? refuse('own_change') : { name, reviewed: [], left } }
          }
          const event = reviewOf(register, name, {
            changes,
            by,
            ...(reason === undefined ? {} : { reason }),
            ...(word === undefined ? {} : { word }),
          })
          return { append: [{ stream: ref, events: [event] }], answer: { name, reviewed: changes, left } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || !('reviewed' in decided.answer) || decided.events.length === 0) return
          await noteReview(tx, entry, { changes: decided.answer.reviewed, by })
          await countMembers(tx, tenantId, { changes: decided.answer.reviewed, by })
        },
      },
    )
    return answer
  }
}
