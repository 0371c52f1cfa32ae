import type { EventOf, VerdictChoice } from '@countersign/contracts'
import { attemptsStream, countRefusals, type Decision, type EventStore, refusalsLeft } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import { refusedVerdict } from '../record-verdict/verdict-attempt.ts'

/** A request of a known person that was refused before anything was decided. */
export type RefusedRequest = {
  readonly tenantId: string
  /** Subject id of the person on whose account it is counted. */
  readonly accountable: string
  /** The person as who tried; null when a program acted for them. */
  readonly person: string | null
  /** Review of the same tenant that it was about. */
  readonly review?: { readonly reviewId: string; readonly intentId: string } | undefined
  readonly verdict?: VerdictChoice | undefined
  readonly code: string
}

type Answer = { readonly streamId: string; readonly isRecorded: boolean }

/** Attempts that are about no intent are counted per day and the people of the tenant. */
const attemptsOfDay = (tenantId: string, now: string): string =>
  nameId('attempts', tenantId, '@people', now.slice(0, 10))

const eventOf = ({ review, verdict, person, code }: RefusedRequest): EventOf[] =>
  review === undefined || verdict === undefined
    ? []
    : [refusedVerdict({ ...review, verdict, person, channel: 'api' }, { code })]

/**
 * Counts requests that were refused before there was a decision to make. One that was about a known review and said yes or
 * no is also an event with the attempts of its intent. The intent's own stream is neither locked nor read.
 */
export class RecordRefusal {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(refused: RefusedRequest): Promise<void> {
    const { tenantId, review, code } = refused
    const source = `person/${refused.accountable}`
    await this.#store.execute(
      { streams: [], tenantIds: [tenantId] },
      {
        read: async (tx) => {
          const [left = 0] = await refusalsLeft(tx, [{ tenantId, source }])
          return left
        },
        decide: (_command, { now }, left): Decision<Answer> => {
          const streamId = review?.intentId ?? attemptsOfDay(tenantId, now)
          const events = left > 0 ? eventOf(refused) : []
          const isRecorded = events.length > 0
          return {
            append: isRecorded ? [{ stream: attemptsStream(tenantId, streamId), events }] : [],
            answer: { streamId, isRecorded },
          }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          const { streamId, isRecorded } = decided.answer
          await countRefusals(tx, [{ tenantId, source, code, streamId, total: 1, recorded: isRecorded ? 1 : 0 }])
        },
      },
    )
  }
}
