import { gatheredOnPool, prepared, type Transaction } from '@countersign/event-store'
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
export const openCards = (tx: Transaction, cards: readonly WantedCard[]): Promise<unknown> =>
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
  )

/** Locks all cards of reviews, for a transaction that writes cards by more than one statement. */
export const lockCards = (tx: Transaction, reviewIds: readonly string[]): Promise<unknown> =>
  tx.query(
    prepared(
      `select from notifier.card where review_id = any ($1::uuid[]) order by review_id, channel, place for update`,
      [reviewIds],
    ),
  )

/** How long a change of a card waits for the next one: what follows within it is shown by the same update. */
export const refreshMs = 300

/**
 * Wants the cards of reviews to show a newer version, those that are shown already a moment later. A pause that a platform
 * asked for is kept. Like every statement here that writes several cards, it locks them in the order of their key.
 */
export const refreshCards = (
  tx: Transaction,
  reviews: readonly { readonly reviewId: string; readonly version: number }[],
): Promise<unknown> =>
  tx.query(
    prepared(
      `with behind as materialized (
       select c.review_id, c.channel, c.place, w.version
       from unnest($1::uuid[], $2::bigint[]) as w(review_id, version)
       join notifier.card c on c.review_id = w.review_id and c.wanted_version < w.version
       order by c.review_id, c.channel, c.place for update of c
     )
     update notifier.card c set wanted_version = b.version, due_at = coalesce(c.due_at,
       clock_timestamp() + case when c.message_id is null then 0 else $3::integer end * interval '1 millisecond')
     from behind b
     where (c.review_id, c.channel, c.place) = (b.review_id, b.channel, b.place) and c.wanted_version < b.version`,
      [reviews.map(({ reviewId }) => reviewId), reviews.map(({ version }) => version), refreshMs],
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

/** Notes what cards show now. Those for which a newer version is wanted meanwhile stay due. */
export const cardsShown = (db: Transaction | pg.Pool, cards: readonly ShownCard[]): Promise<unknown> =>
  db.query(
    prepared(
      `with shown as materialized (
       select c.review_id, c.channel, c.place, s.message_id, s.digest, s.version
       from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         as s(review_id, channel, place, message_id, digest, version)
       join notifier.card c on (c.review_id, c.channel, c.place) = (s.review_id, s.channel, s.place)
       order by c.review_id, c.channel, c.place for update of c
     )
     update notifier.card c
     set message_id = s.message_id, presentation_digest = s.digest, shown_version = s.version, attempts = 0,
       due_at = case when c.wanted_version > s.version then clock_timestamp() end
     from shown s where (c.review_id, c.channel, c.place) = (s.review_id, s.channel, s.place)`,
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

/** The same for a card that was changed, of which no event tells. */
export const cardChanged = gatheredOnPool(async (pool, cards: readonly ShownCard[]): Promise<undefined[]> => {
  await cardsShown(pool, cards)
  return cards.map(() => undefined)
})

export type PostponedCard = CardKey & { readonly waitMs: number }

/** Puts cards off, each from now. */
export const postponeCards = (db: Transaction | pg.Pool, cards: readonly PostponedCard[]): Promise<unknown> =>
  db.query(
    prepared(
      `with failed as materialized (
       select c.review_id, c.channel, c.place, f.wait_ms
       from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) as f(review_id, channel, place, wait_ms)
       join notifier.card c on (c.review_id, c.channel, c.place) = (f.review_id, f.channel, f.place)
       order by c.review_id, c.channel, c.place for update of c
     )
     update notifier.card c set due_at = clock_timestamp() + f.wait_ms * interval '1 millisecond'
     from failed f where (c.review_id, c.channel, c.place) = (f.review_id, f.channel, f.place)`,
      [
        cards.map(({ reviewId }) => reviewId),
        cards.map(({ channel }) => channel),
        cards.map(({ place }) => place),
        cards.map(({ waitMs }) => waitMs),
      ],
    ),
  )

/** Puts off everything that is due in a place: a platform limits places, not messages. */
export const postponePlace = async (
  pool: pg.Pool,
  { channel, place, waitMs }: { readonly channel: string; readonly place: string; readonly waitMs: number },
): Promise<void> => {
  await pool.query(
    prepared(
      `with waiting as materialized (
       select review_id, channel, place from notifier.card where channel = $1 and place = $2 and due_at is not null
       order by review_id, channel, place for update
     )
     update notifier.card c set due_at = greatest(c.due_at, clock_timestamp() + $3 * interval '1 millisecond')
     from waiting w where (c.review_id, c.channel, c.place) = (w.review_id, w.channel, w.place) and c.due_at is not null`,
      [channel, place, waitMs],
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
