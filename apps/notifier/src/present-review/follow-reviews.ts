import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import type { EventName } from '@countersign/contracts'
import { intentStream, loadStreams, type StoredEvent, withTenants } from '@countersign/event-store'
import { foldIntent, isPublished } from '@countersign/intent'
import { readEventRecord } from '@countersign/service-kit'
import type pg from 'pg'
import type { Places } from '../channels/channel.ts'
import type { WantedCard } from './card-queue.ts'
import { keepReviews } from './keep-reviews.ts'
import { trackedReview, type TrackedReview } from './tracked-review.ts'

/** What a card shows changes with these. */
const followed: ReadonlySet<EventName> = new Set<EventName>([
  'ReviewRequested',
  'VerdictRecorded',
  'ReviewApproved',
  'ReviewDenied',
  'IntentWithdrawn',
  'IntentExpired',
  'GrantIssued',
  'GrantRedeemed',
  'GrantRevoked',
  'GrantExpired',
  'ExecutionStarted',
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionUnknown',
  'ExecutionReconciled',
])

export type FollowReviewsOptions = {
  readonly pool: pg.Pool
  readonly places: Places
  /** Called with reviews that are known now, whose cards may be due. */
  readonly onTracked: (reviews: readonly TrackedReview[]) => void
}

/**
 * Follows the events of the bus. A record only says which intent to look at: intents are read from the store, one load per
 * batch, and reviews and their cards are written in one transaction. Every effect may be repeated and come in any order.
 */
export class FollowReviews {
  readonly #options: FollowReviewsOptions

  constructor(options: FollowReviewsOptions) {
    this.#options = options
  }

  async handle({ records }: Pick<DeliveredBatch, 'records'>): Promise<BatchOutcome> {
    const { pool, places, onTracked } = this.#options
    const refs = new Map(
      records.flatMap((record) => {
        const event = readEventRecord(record)
        if (event === undefined || !followed.has(event.type)) return []
        return [[`${event.tenantId}/${event.streamId}`, intentStream(event.tenantId, event.streamId)] as const]
      }),
    )
    if (refs.size === 0) return 'done'
    const streams = [...refs.values()]
    const tenantIds = streams.map(({ tenantId }) => tenantId)
    const reviews = await withTenants(pool, tenantIds, async (tx) => {
      const loaded = await loadStreams(tx, streams)
      const found = streams.flatMap((ref) => reviewIn(loaded.of(ref).events) ?? [])
      const cards = found.flatMap((review): WantedCard[] =>
        places.of(review.tenantId).map(({ channel, place }) => ({ ...review, channel, place })),
      )
      await keepReviews(tx, [...found.map((tracked) => ({ tracked })), ...cards.map((card) => ({ wanted: card }))])
      return found
    })
    if (reviews.length > 0) onTracked(reviews)
    return 'done'
  }
}

/** The review of an intent's stream, as of its newest event. */
export const reviewIn = (events: readonly StoredEvent[]): TrackedReview | undefined => {
  const intent = foldIntent(events)
  const requested = events.find(({ type }) => type === 'ReviewRequested')
  if (!isPublished(intent) || intent.review === undefined || requested === undefined) return undefined
  const { tenantId, recordedAt } = requested
  return trackedReview(intent, intent.review, { tenantId, version: events.length, requestedAt: recordedAt })
}
