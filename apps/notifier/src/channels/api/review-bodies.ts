import { IntentState, type ReviewSummary } from '@countersign/contracts'
import { Type } from 'typebox'
import type { TrackedReview } from '../../present-review/tracked-review.ts'

/** Query of `GET /v1/reviews`. */
export const ListReviewsQuery = Type.Object({
  state: Type.Optional(IntentState),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
})
export type ListReviewsQuery = Type.Static<typeof ListReviewsQuery>

/** Query of `GET /v1/reviews/{reviewId}`. */
export const ReadReviewQuery = Type.Object({ waitMs: Type.Integer({ minimum: 0, maximum: 25_000, default: 0 }) })

export const summaryOf = ({ tenantId: _tenant, version: _version, ...review }: TrackedReview): ReviewSummary => review
