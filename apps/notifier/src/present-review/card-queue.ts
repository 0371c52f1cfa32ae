import { gatheredOnPool, prepared, type Transaction, writtenTogether } from '@countersign/event-store'
import type pg from 'pg'

/** Where a card is shown, and what for. */
export type CardKey = { readonly reviewId: string; readonly channel: string; readonly place: string }

/** A card that has something to be sent. */
export type DueCard = CardKey & {
  readonly tenantId: string
  readonly intentId: string
  /** The platform's id of the message; null until it was posted. */
  readonly messageId: string | null
  readonly presentationDigest: string | null
  /** Which try this is, from 1. */
  readonly attempt: number
}

export type WantedCard = CardKey & { readonly tenantId: string; readonly intentId: string; readonly version: number }

/** How long whoever took a card may take to send it, before another one does. */
const leaseMs = 30_000

/** Queues cards for reviews that have none yet. */
export const openCards = writtenTogether((tx, cards: readonly WantedCard[]) =>
  tx.query(
    prepared(
      `insert into notifier.card (review_id, channel, place, tenant_id, intent_id, wanted_version)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[]) order by 1, 2, 3
     on conflict do nothing`,
      [
        cards.map(({ reviewId }) => reviewId),
        cards.map(({ channel }) => channel),
        cards.map(({ place }) => place),
        cards.map(({ tenantId }) => tenantId),
        cards.map(({ intentId }) => intentId),
        cards.map(({ version }) => version),
      ],
    ),
  ),
)

/** How long a change of a card waits for the next one: what follows within it is shown by the same update. */
export const refreshMs = 300

/**
 * Wants the cards of reviews to show a newer version, those that are shown already a moment later. A pause that a platform
 * asked for is kept.
 */
export const refreshCards = writtenTogether(
  (tx, reviews: readonly { readonly reviewId: string; readonly version: number }[]) =>
    tx.query(
      prepared(
        `update notifier.card c set wanted_version = w.version, due_at = coalesce(c.due_at,
       clock_timestamp() + case when c.message_id is null then 0 else $3::integer end * interval '1 millisecond')
     from unnest($1::uuid[], $2::bigint[]) as w(review_id, version)
     where c.review_id = w.review_id and c.wanted_version < w.version`,
        [reviews.map(({ reviewId }) => reviewId), reviews.map(({ version }) => version), refreshMs],
      ),
    ),
)

/** Takes due cards for as long as the lease; whoever dies with one leaves it to the next. */
export const takeDueCards = async (pool: pg.Pool, limit: number): Promise<DueCard[]> => {
  const { rows } = await pool.query<{
    review_id: string
    channel: string
    place: string
    tenant_id: string
    intent_id: string
    message_id: string | null
    presentation_digest: string | null
    attempts: number
  }>(
    prepared(
      `update notifier.card c
     set attempts = c.attempts + 1, due_at = clock_timestamp() + $2 * interval '1 millisecond'
     from (
       select review_id, channel, place from notifier.card
       where due_at <= clock_timestamp() order by due_at limit $1 for update skip locked
     ) as due
     where (c.review_id, c.channel, c.place) = (due.review_id, due.channel, due.place)
     returning c.*`,
      [limit, leaseMs],
    ),
  )
  return rows.map((row) => ({
    reviewId: row.review_id,
    channel: row.channel,
    place: row.place,
    tenantId: row.tenant_id,
    intentId: row.intent_id,
    messageId: row.message_id,
    presentationDigest: row.presentation_digest,
    attempt: row.attempts,
  }))
}

/** What a card shows now. */
export type ShownCard = CardKey & {
  readonly version: number
  readonly messageId: string | null
  readonly presentationDigest: string
}

const writeShown = (db: Transaction | pg.Pool, cards: readonly ShownCard[]) =>
  db.query(
    prepared(
      `update notifier.card c
     set message_id = s.message_id, presentation_digest = s.digest, shown_version = s.version, attempts = 0,
       due_at = case when c.wanted_version > s.version then clock_timestamp() end
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
       as s(review_id, channel, place, message_id, digest, version)
     where c.review_id = s.review_id and c.channel = s.channel and c.place = s.place`,
      [
        cards.map(({ reviewId }) => reviewId),
        cards.map(({ channel }) => channel),
        cards.map(({ place }) => place),
        cards.map(({ messageId }) => messageId),
        cards.map(({ presentationDigest }) => presentationDigest),
        cards.map(({ version }) => version),
      ],
    ),
  )

/** Notes what cards show now, with the event that says so. Those for which a newer version is wanted meanwhile stay due. */
export const cardsShown = writtenTogether(writeShown)

/** The same without an event, for a card that was changed. */
export const cardChanged = gatheredOnPool(async (pool, cards: readonly ShownCard[]): Promise<undefined[]> => {
  await writeShown(pool, cards)
  return cards.map(() => undefined)
})

/** Puts a card off. With `wholePlace` everything for that place waits: a platform limits places, not messages. */
export const postponeCard = async (
  tx: Transaction | pg.Pool,
  { reviewId, channel, place }: CardKey,
  { waitMs, wholePlace }: { readonly waitMs: number; readonly wholePlace: boolean },
): Promise<void> => {
  await tx.query(
    prepared(
      `update notifier.card set due_at = greatest(due_at, clock_timestamp() + $4 * interval '1 millisecond')
     where channel = $2 and place = $3 and review_id <> $1 and $5 and due_at is not null`,
      [reviewId, channel, place, waitMs, wholePlace],
    ),
  )
  await tx.query(
    prepared(
      `update notifier.card set due_at = clock_timestamp() + $4 * interval '1 millisecond'
     where review_id = $1 and channel = $2 and place = $3`,
      [reviewId, channel, place, waitMs],
    ),
  )
}

/** Leaves a card alone from now on, because nothing can be shown there. */
export const abandonCard = async (pool: pg.Pool, { reviewId, channel, place }: CardKey): Promise<void> => {
  await pool.query(
    prepared('update notifier.card set due_at = null where review_id = $1 and channel = $2 and place = $3', [
      reviewId,
      channel,
      place,
    ]),
  )
}
