import { setTimeout as pause } from 'node:timers/promises'
import { newId, type Transaction, withTenants } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateNotifier } from '../migrate-notifier.ts'
import { cardsShown, type ShownCard } from './card-queue.ts'
import { keepReviews } from './keep-reviews.ts'
import type { TrackedReview } from './tracked-review.ts'

let spec: SpecStore
beforeAll(async () => {
  spec = await freshStore()
  await migrateNotifier(spec.urlOf('owner'))
})
afterAll(() => spec.drop())

const [channel, place] = ['slack', 'C0APPROVALS']

const tracked = (reviewId: string, version: number): TrackedReview => ({
  reviewId,
  tenantId: spec.tenantId,
  intentId: reviewId,
  version,
  state: 'in_review',
  action: 'data.export',
  target: 's3://partner',
  environment: 'production',
  agent: 'etl-bot',
  seats: [{ group: 'data-owners', count: 1 }],
  deadline: '2030-01-01T00:00:00.000Z',
  requestedAt: '2029-12-31T00:00:00.000Z',
})
const shown = (reviewId: string): ShownCard => ({
  reviewId,
  channel,
  place,
  version: 1,
  messageId: 'm1',
  presentationDigest: `sha256:${'0'.repeat(64)}`,
})

const inTransaction = (work: (tx: Transaction) => Promise<void>): Promise<void> =>
  withTenants(spec.poolOf('notifier'), [spec.tenantId], work)
const track = (...reviewIds: readonly string[]): Promise<void> =>
  inTransaction((tx) =>
    keepReviews(
      tx,
      reviewIds.map((reviewId) => ({ tracked: tracked(reviewId, 2) })),
    ),
  )
/** A verdict and a delivery that share a transaction: the delivery of `delivered` is written first. */
const deliverAndTrack = (delivered: string, decided: string): Promise<void> =>
  inTransaction(async (tx) => {
    await Promise.all([
      keepReviews(tx, [{ shown: shown(delivered) }]),
      keepReviews(tx, [{ tracked: tracked(decided, 2) }]),
    ])
  })

/** Holds a row until it is told to let go. */
const holding = async (table: 'card' | 'review', reviewId: string): Promise<() => Promise<void>> => {
  const client = await spec.superuser.connect()
  await client.query('begin')
  await client.query(`select from notifier.${table} where review_id = $1 for update`, [reviewId])
  return async () => {
    await client.query('commit')
    client.release()
  }
}
const untilWaiting = async (sessions: number): Promise<void> => {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  while ((await spec.superuser.query(waiting)).rowCount !== sessions) await pause(5)
}

const cards = async () => {
  const { rows } = await spec.superuser.query<{ review_id: string; shown: number; wanted: number }>(
    `select review_id, shown_version::integer as shown, wanted_version::integer as wanted from notifier.card
     where review_id = any ($1::uuid[])`,
    [reviews],
  )
  return new Map(rows.map(({ review_id, ...versions }) => [review_id, versions]))
}

let reviews: readonly string[] = []
beforeEach(async () => {
  reviews = [newId(), newId(), newId()].toSorted()
  await inTransaction((tx) =>
    keepReviews(
      tx,
      reviews.flatMap((reviewId) => {
        const review = tracked(reviewId, 1)
        return [{ tracked: review }, { wanted: { ...review, channel, place } }]
      }),
    ),
  )
})

describe('reviews and cards that several write at once', () => {
  it('are locked in one order, whatever the order in which they are named', async () => {
    const [first = '', second = ''] = reviews
    const letGo = await holding('card', first)
    const changing = cardsShown(spec.poolOf('notifier'), [shown(first), shown(second)])
    await untilWaiting(1)
    const tracking = track(second, first)
    await untilWaiting(2)
    await letGo()
    await Promise.all([changing, tracking])
    expect((await cards()).get(second)).toEqual({ shown: 1, wanted: 2 })
  })

  it('are locked in one order by a transaction that delivers one card and decides on another', async () => {
    const [first = '', middle = '', last = ''] = reviews
    const letGo = await holding('card', middle)
    const changing = cardsShown(
      spec.poolOf('notifier'),
      reviews.map((reviewId) => shown(reviewId)),
    )
    await untilWaiting(1)
    const deciding = deliverAndTrack(first, last)
    await untilWaiting(2)
    await letGo()
    await Promise.all([changing, deciding])
    expect((await cards()).get(last)).toEqual({ shown: 1, wanted: 2 })
  })

  it('are locked reviews first, also where a delivery is written before a verdict', async () => {
    const [first = '', middle = '', last = ''] = reviews
    const letGo = await holding('review', last)
    const following = track(first, middle, last)
    await untilWaiting(1)
    const deciding = deliverAndTrack(first, middle)
    await untilWaiting(2)
    await letGo()
    await Promise.all([following, deciding])
    expect(await cards()).toEqual(
      new Map([
        [first, { shown: 1, wanted: 2 }],
        [middle, { shown: 0, wanted: 2 }],
        [last, { shown: 0, wanted: 2 }],
      ]),
    )
  })
})

describe('a card', () => {
  it('that shows an older version than is wanted is due again at once', async () => {
    const [reviewId = ''] = reviews
    await track(reviewId)
    await inTransaction((tx) => keepReviews(tx, [{ shown: shown(reviewId) }]))
    const { rows } = await spec.superuser.query(
      'select due_at <= clock_timestamp() as due from notifier.card where review_id = $1',
      [reviewId],
    )
    expect(rows).toEqual([{ due: true }])
  })

  it('is wanted as of the newest version that anybody tracked', async () => {
    const [reviewId = ''] = reviews
    await track(reviewId)
    await inTransaction((tx) => keepReviews(tx, [{ tracked: tracked(reviewId, 1) }]))
    expect((await cards()).get(reviewId)).toMatchObject({ wanted: 2 })
  })

  it('that failed is tried again when that was said, and the others of its transaction are shown', async () => {
    const [reviewId = '', other = ''] = reviews
    await inTransaction(async (tx) => {
      await Promise.all([
        keepReviews(tx, [{ postponed: { reviewId, channel, place, waitMs: 60_000 } }]),
        keepReviews(tx, [{ shown: shown(other) }]),
      ])
    })
    const { rows } = await spec.superuser.query(
      `select due_at between clock_timestamp() + interval '50 seconds' and clock_timestamp() + interval '60 seconds' as later
       from notifier.card where review_id = any ($1::uuid[]) order by review_id`,
      [[reviewId, other]],
    )
    expect(rows).toEqual([{ later: true }, { later: null }])
  })
})
