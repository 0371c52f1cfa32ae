import type { BatchOutcome, DeliveredBatch } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { withBatchSpan } from '@countersign/service-kit'
import { Controller, Inject } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { FollowReviews } from './follow-reviews.ts'

/** Batches of the bus. */
@Controller()
export class FollowReviewsController {
  readonly #reviews: FollowReviews

  constructor(@Inject(FollowReviews) reviews: FollowReviews) {
    this.#reviews = reviews
  }

  @EventPattern(topics.events)
  followReviews(@Payload() batch: DeliveredBatch): Promise<BatchOutcome> {
    const headers = batch.records.map((record) => record.headers)
    return withBatchSpan('notifier.present-review', { headers }, () => this.#reviews.handle(batch))
  }
}
