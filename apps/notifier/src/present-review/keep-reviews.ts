import { allEnded, type Transaction, writtenTogether } from '@countersign/event-store'
import {
  cardsShown,
  lockCards,
  openCards,
  type PostponedCard,
  postponeCards,
  refreshCards,
  type ShownCard,
  type WantedCard,
} from './card-queue.ts'
import { type TrackedReview, trackReviews } from './tracked-review.ts'

/** What a transaction notes: a review as it is now, a card to be shown, what a card shows, or when one is tried again. */
export type ReviewWrite =
  | { readonly tracked: TrackedReview }
  | { readonly wanted: WantedCard }
  | { readonly shown: ShownCard }
  | { readonly postponed: PostponedCard }

/**
 * Writes reviews and cards for all who do so in the same turn of a transaction, and wants the cards of tracked reviews to
 * show them as they are. Verdicts, deliveries and the events of the bus write the same rows at the same time, many in a
 * transaction: reviews are locked before cards, and each in the order of their keys, so that none waits for another in a
 * circle.
 */
export const keepReviews: (tx: Transaction, writes: readonly ReviewWrite[]) => Promise<void> = writtenTogether(
  async (tx, writes: readonly ReviewWrite[]) => {
    const tracked = writes.flatMap((write) => ('tracked' in write ? [write.tracked] : []))
    const wanted = writes.flatMap((write) => ('wanted' in write ? [write.wanted] : []))
    const shown = writes.flatMap((write) => ('shown' in write ? [write.shown] : []))
    const postponed = writes.flatMap((write) => ('postponed' in write ? [write.postponed] : []))
    const kinds = [tracked, shown, postponed].filter(({ length }) => length > 0)
    await allEnded([
      tracked.length > 0 && trackReviews(tx, tracked),
      wanted.length > 0 && openCards(tx, wanted),
      kinds.length > 1 &&
        lockCards(
          tx,
          kinds.flatMap((cards) => cards.map(({ reviewId }) => reviewId)),
        ),
      tracked.length > 0 && refreshCards(tx, tracked),
      shown.length > 0 && cardsShown(tx, shown),
      postponed.length > 0 && postponeCards(tx, postponed),
    ])
  },
)
