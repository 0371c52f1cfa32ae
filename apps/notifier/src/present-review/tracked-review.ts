import type { Seat } from '@countersign/contracts'
import { gatheredOnPool, prepared, type Transaction } from '@countersign/event-store'
import type { Intent, ReviewState } from '@countersign/intent'
import type pg from 'pg'

/** A review as the notifier keeps it, to find its intent and to list it. Whoever decides reads the store. */
export type TrackedReview = {
  readonly reviewId: string
  readonly tenantId: string
  readonly intentId: string
  /** Version of the intent's stream that the row shows. */
  readonly version: number
  readonly state: string
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly agent: string
  readonly seats: Seat[]
  readonly deadline: string
  readonly requestedAt: string
}

/** The row of an intent's review. */
export const trackedReview = (
  intent: Intent,
  review: ReviewState,
  { tenantId, version, requestedAt }: { tenantId: string; version: number; requestedAt: string },
): TrackedReview => ({
  reviewId: review.reviewId,
  tenantId,
  intentId: intent.published.intentId,
  version,
  state: intent.status,
  action: intent.published.action,
  target: intent.published.target,
  environment: intent.published.environment,
  agent: intent.published.agent.name,
  seats: review.seats.map((seat) => ({ ...seat })),
  deadline: review.deadline,
  requestedAt,
})

/** Keeps reviews as of the newest version seen, in whatever order the versions come. */
export const trackReviews = async (tx: Transaction, reviews: readonly TrackedReview[]): Promise<void> => {
  const rows = reviews.map((review) => ({
    review_id: review.reviewId,
    tenant_id: review.tenantId,
    intent_id: review.intentId,
    version: review.version,
    state: review.state,
    action: review.action,
    target: review.target,
    environment: review.environment,
    agent: review.agent,
    seats: review.seats,
    groups: review.seats.map(({ group }) => group),
    deadline: review.deadline,
    requested_at: review.requestedAt,
  }))
  await tx.query(
    prepared(
      `insert into notifier.review as r
     select * from jsonb_populate_recordset(null::notifier.review, $1::jsonb) order by review_id
     on conflict (review_id) do update set version = excluded.version, state = excluded.state
       where r.version < excluded.version`,
      [JSON.stringify(rows)],
    ),
  )
}

type Row = {
  review_id: string
  tenant_id: string
  intent_id: string
  version: string
  state: string
  action: string
  target: string
  environment: string
  agent: string
  seats: Seat[]
  deadline: Date
  requested_at: Date
}

const reviewOf = (row: Row): TrackedReview => ({
  reviewId: row.review_id,
  tenantId: row.tenant_id,
  intentId: row.intent_id,
  version: Number(row.version),
  state: row.state,
  action: row.action,
  target: row.target,
  environment: row.environment,
  agent: row.agent,
  seats: row.seats,
  deadline: row.deadline.toISOString(),
  requestedAt: row.requested_at.toISOString(),
})

// An undecided review is over at its deadline, whether or not IntentExpired is there yet.
const columns = `review_id, tenant_id, intent_id, version, action, target, environment, agent, seats, deadline, requested_at,
  case when state = 'in_review' and deadline <= clock_timestamp() then 'expired' else state end as state`

/** A review by its id, of whatever tenant; undefined when none is known yet. */
export const findReview = gatheredOnPool(
  async (pool, reviewIds: readonly string[]): Promise<(TrackedReview | undefined)[]> => {
    const { rows } = await pool.query<Row>(
      prepared(`select ${columns} from notifier.review where review_id = any ($1::uuid[])`, [[...new Set(reviewIds)]]),
    )
    const found = new Map(rows.map((row) => [row.review_id, reviewOf(row)]))
    return reviewIds.map((reviewId) => found.get(reviewId))
  },
)

export type ReviewFilter = {
  readonly tenantId: string
  /** Only reviews with a seat of one of these groups; null for all of the tenant. */
  readonly groups: readonly string[] | null
  readonly state: string | undefined
  readonly limit: number
}

/** Newest reviews first. */
export const listReviews = async (
  pool: pg.Pool,
  { tenantId, groups, state, limit }: ReviewFilter,
): Promise<TrackedReview[]> => {
  const { rows } = await pool.query<Row>(
    prepared(
      `select * from (select ${columns}, groups from notifier.review where tenant_id = $1) as r
     where ($2::text[] is null or groups && $2) and ($3::text is null or state = $3)
     order by requested_at desc, review_id desc limit $4`,
      [tenantId, groups, state ?? null, limit],
    ),
  )
  return rows.map(reviewOf)
}
