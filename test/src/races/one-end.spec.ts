import type { StoredEvent } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomFrom, shuffled } from '../faults/random-kills/random.ts'
import { project } from './projected.ts'
import { race, type Said } from './race.ts'
import { type RacedReviews, racedReviews } from './raced-reviews.ts'

/** `RACED_REVIEWS=10000` is the nightly run. */
const reviewCount = Number(process.env['RACED_REVIEWS'] ?? 1_000)
const withinMs = 120_000 + reviewCount * 600
const atOnce = 20
const hourMs = 3_600_000
/** A quarter of the reviews ends while it is raced for. */
const soonMs = 400
/** A withdrawal is the shortest way to an end, and a grant the longest: each gets its chance. */
const late = [[], ['withdraw'], ['withdraw', 'deny']] as const

/** Events that end an intent for good, and the state that a projection gives it. */
const ends = new Map([
  ['ReviewDenied', 'denied'],
  ['IntentWithdrawn', 'withdrawn'],
  ['IntentExpired', 'expired'],
  ['GrantRevoked', 'revoked'],
])

type Raced = {
  readonly said: readonly Said[]
  readonly events: readonly StoredEvent[]
  readonly attempts: readonly StoredEvent[]
  readonly types: readonly string[]
}

const raced = new Map<string, Raced>()
let at: RacedReviews

beforeAll(async () => {
  at = await racedReviews()
  const random = randomFrom(20261122)
  const order = <Item>(items: readonly Item[]): Item[] => shuffled(items, random)
  for (let done = 0; done < reviewCount; done += atOnce) {
    const reviews = await at.open(
      Array.from({ length: Math.min(atOnce, reviewCount - done) }, (_, index) =>
        index % 4 === 0 ? Math.floor(random() * soonMs) : hourMs,
      ),
    )
    const said = await Promise.all(
      reviews.map((review, index) => race(at, review, { late: late[index % late.length] ?? [], order })),
    )
    const stories = await at.over(reviews, (events) => events.some(({ type }) => ends.has(type)))
    reviews.forEach(({ intentId }, index) => {
      const story = stories[index] ?? { events: [], attempts: [] }
      raced.set(intentId, { ...story, said: said[index] ?? [], types: story.events.map(({ type }) => type) })
    })
  }
}, withinMs)
afterAll(() => at.close())

const count = (list: readonly string[], wanted: string): number => list.filter((one) => one === wanted).length

describe(`${reviewCount.toLocaleString('en')} reviews that eight clients each approve, deny, withdraw, collect, revoke and expire at once`, () => {
  it('each have one end, as their last event, and at most one grant', () => {
    const wrong = [...raced].filter(
      ([, { types }]) =>
        types.filter((type) => ends.has(type)).length !== 1 ||
        !ends.has(types.at(-1) ?? '') ||
        count(types, 'GrantIssued') > 1 ||
        count(types, 'ReviewApproved') + count(types, 'ReviewDenied') > 1,
    )
    expect(wrong).toEqual([])
    expect(raced.size).toBe(reviewCount)
  })

  it('come to every end that there is', () => {
    expect(new Set([...raced.values()].map(({ types }) => types.at(-1)))).toEqual(new Set(ends.keys()))
  })

  it('answer nobody with an error, and say yes exactly where the store has it', () => {
    const wrong = [...raced].filter(([, { said, types }]) => {
      const done = said.filter(({ answer }) => answer === 'ok').map(({ command }) => command)
      return (
        said.some(({ answer }) => answer.startsWith('error')) ||
        count(done, 'approve') + count(done, 'deny') !== count(types, 'VerdictRecorded') ||
        count(done, 'deny') !== count(types, 'ReviewDenied') ||
        done.includes('withdraw') !== types.includes('IntentWithdrawn') ||
        done.includes('collect') !== types.includes('GrantIssued') ||
        done.includes('revoke') !== types.includes('GrantRevoked')
      )
    })
    expect(wrong).toEqual([])
  })

  it('count every refusal with its intent and its code', async () => {
    const { rows } = await at.superuser.query<{ refusal: string; total: number; recorded: number }>(
      `select stream_id || ' ' || code as refusal, sum(total)::integer as total, sum(recorded)::integer as recorded
       from countersign.refusal_count group by 1`,
    )
    const told = Map.groupBy(
      [...raced].flatMap(([intentId, { said }]) =>
        said.filter(({ answer }) => answer !== 'ok').map(({ answer }) => `${intentId} ${answer}`),
      ),
      (refusal) => refusal,
    )
    expect(new Map(rows.map(({ refusal, total }) => [refusal, total]))).toEqual(
      new Map([...told].map(([refusal, all]) => [refusal, all.length])),
    )
    const refused = [...raced.values()]
      .flatMap(({ attempts }) => attempts)
      .filter(({ type }) => type !== 'ReviewPresented')
    expect(refused).toHaveLength(rows.reduce((sum, { recorded }) => sum + recorded, 0))
  })

  it(
    'leave policy nothing to wait for',
    async () => {
      expect(await at.noDeadlines()).toBe(true)
    },
    withinMs,
  )

  it(
    'have the same end in the projection, which holds every event once',
    async () => {
      const events = [...raced.values()].flatMap((one) => [...one.events, ...one.attempts])
      await project(at, events)
      const states = await at.superuser.query<{ intent: string; state: string }>(
        `select key as intent, attributes #>> '{state,1}' as state from lineage.node where kind = 'intent'`,
      )
      expect(new Map(states.rows.map(({ intent, state }) => [intent, state]))).toEqual(
        new Map([...raced].map(([intentId, { types }]) => [intentId, ends.get(types.at(-1) ?? '')])),
      )
      const { rows } = await at.superuser.query<{ events: number; distinct: number }>(
        `select count(*)::integer as events, count(distinct event_id)::integer as distinct from lineage.audit_event`,
      )
      expect(rows[0]).toEqual({ events: events.length, distinct: events.length })
    },
    withinMs,
  )
})
