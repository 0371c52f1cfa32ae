import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer } from '../instance/call.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning, startTimeoutMs } from '../running.ts'
import {
  approved,
  concreteOf,
  decide,
  eventsOf,
  exportIntent,
  inReview,
  newReviewers,
  readIntent,
  readReview,
  refusalsOf,
  settled,
  typesOf,
} from '../stories.ts'

const racers = 16
let running: Running
/** Tokens of people of a group that nobody else is in. */
let reviewers: string[]
beforeAll(async () => {
  running = await startRunning()
  reviewers = await newReviewers(running, 'sre', racers)
}, startTimeoutMs)
afterAll(() => running.stop())

const atOnce = <Value>(count: number, run: (at: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)))
const codesOf = (answers: readonly Answer[]): string[] =>
  answers.map(({ status, code }) => code ?? String(status)).toSorted()
const times = (count: number, text: string): string[] => Array<string>(count).fill(text)

/** Every racer has read the review before the first one speaks. */
const race = async (
  reviewId: string,
  tokens: readonly string[],
  verdictOf: (at: number) => object,
): Promise<Answer[]> => {
  const digests: string[] = []
  for (const token of tokens) digests.push((await readReview(running, token, reviewId)).body.presentationDigest)
  return atOnce(tokens.length, (at) =>
    running.call(`/v1/reviews/${reviewId}/verdicts`, {
      token: tokens[at] ?? '',
      body: { ...verdictOf(at), presentationDigest: digests[at] },
    }),
  )
}
const configChange = () => exportIntent({ action: 'config.change', target: `dns/${randomUUID()}` })

describe('16 reviewers at once', () => {
  it('with yes and no for one seat: one of them decides, all are answered and on record', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { intentId, reviewId } = await inReview(running, configChange())
      const answers = await race(reviewId, reviewers, (at) =>
        at % 2 === 0 ? { verdict: 'approve' } : { verdict: 'deny', reason: 'not today' },
      )
      const taken = answers.filter(({ status }) => status < 300)
      expect(taken).toHaveLength(1)
      expect(codesOf(answers.filter(({ status }) => status >= 300))).toEqual(times(racers - 1, 'review_closed'))
      const types = await typesOf(running, intentId)
      expect(types.filter((type) => type === 'VerdictRecorded')).toHaveLength(1)
      expect(types.filter((type) => type === 'ReviewApproved' || type === 'ReviewDenied')).toHaveLength(1)
      expect(await refusalsOf(running, intentId)).toEqual(times(racers - 1, 'VerdictTooLate review_closed'))
    }
  })

  it('of whom one says yes sixteen times counts once', async () => {
    const { intentId, reviewId } = await inReview(running, exportIntent({ impact: { rows: 5_000_000 } }))
    const [review] = (await eventsOf(running, intentId)).filter(({ type }) => type === 'ReviewRequested')
    expect(review?.data['seats']).toEqual([{ group: 'data-owners', count: 2 }])
    const answers = await race(reviewId, Array<string>(racers).fill(running.tokens.ben), () => ({ verdict: 'approve' }))
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
    expect(codesOf(answers.filter(({ status }) => status >= 300))).toEqual(times(racers - 1, 'already_voted'))
    expect((await running.client.read(intentId)).state).toBe('in_review')
    expect(await refusalsOf(running, intentId)).toEqual(times(racers - 1, 'VerdictRefused already_voted'))
  })
})

describe('16 executors at once', () => {
  const allowed = async () => (await settled(running, readIntent())).intentId

  it('collect one and the same grant', async () => {
    const intentId = await allowed()
    const grants = await atOnce(racers, () => running.client.collect(intentId))
    expect(new Set(grants.map(({ grantId }) => grantId)).size).toBe(1)
    expect((await typesOf(running, intentId)).filter((type) => type === 'GrantIssued')).toHaveLength(1)
  })

  it('redeem a grant once, and every attempt is on record', async () => {
    const intentId = await allowed()
    const grant = await running.client.collect(intentId)
    const answers = await atOnce(racers, () =>
      running.call(`/v1/grants/${grant.grantId}/redeem`, {
        token: running.tokens.agent,
        body: { token: grant.token, redemptionId: randomUUID(), ...concreteOf(readIntent()) },
      }),
    )
    expect(codesOf(answers)).toEqual(['200', ...times(racers - 1, 'already_redeemed')])
    expect((await typesOf(running, intentId)).filter((type) => type === 'GrantRedeemed')).toHaveLength(1)
    const { rows } = await running.superuser.query<{ total: string }>(
      `select sum(total) as total from countersign.refusal_count where code = 'already_redeemed' and stream_id in
         (select stream_id from countersign.event where kind = 'attempts' and data ->> 'intentId' = $1)`,
      [intentId],
    )
    expect(rows[0]?.total).toBe(String(racers - 1))
  })

  it('with the same redemption get the same receipt', async () => {
    const intentId = await allowed()
    const grant = await running.client.collect(intentId)
    const redemptionId = randomUUID()
    const receipts = await atOnce(racers, () =>
      running.client.redeem(grant, concreteOf(readIntent()), { redemptionId }),
    )
    expect(new Set(receipts.map(({ receiptId }) => receiptId)).size).toBe(1)
    expect((await typesOf(running, intentId)).filter((type) => type === 'GrantRedeemed')).toHaveLength(1)
  })

  it('and a revocation leave one end', async () => {
    for (let round = 0; round < 4; round += 1) {
      const intentId = await allowed()
      const grant = await running.client.collect(intentId)
      const body = { token: grant.token, redemptionId: randomUUID(), ...concreteOf(readIntent()) }
      const [redeemed, revoked] = await Promise.all([
        running.call(`/v1/grants/${grant.grantId}/redeem`, { token: running.tokens.agent, body }),
        running.call(`/v1/grants/${grant.grantId}/revoke`, { token: running.tokens.agent, body: {} }),
      ])
      expect([redeemed.status, revoked.status].filter((status) => status < 300)).toHaveLength(1)
      const ends = (await typesOf(running, intentId)).filter((type) => /^Grant(Redeemed|Revoked)$/.test(type))
      expect(ends).toEqual([redeemed.status === 200 ? 'GrantRedeemed' : 'GrantRevoked'])
    }
  })
})

it('a yes and a withdrawal at once leave one end', async () => {
  for (let round = 0; round < 4; round += 1) {
    const { intentId, reviewId } = await inReview(running)
    const [yes, withdrawn] = await Promise.all([
      decide(running, running.tokens.ben, reviewId, { verdict: 'approve' }),
      running.call(`/v1/intents/${intentId}/withdraw`, { token: running.tokens.agent, body: {} }),
    ])
    const types = await typesOf(running, intentId)
    // An approved intent may still be withdrawn; a withdrawn one can never be approved.
    expect(withdrawn.status).toBe(200)
    expect(types.at(-1)).toBe('IntentWithdrawn')
    expect(types.includes('ReviewApproved')).toBe(yes.status < 300)
    await expect(running.client.collect(intentId)).rejects.toMatchObject({ code: 'intent_withdrawn' })
  }
})

it('64 intents at once are each decided once, in order', async () => {
  const published = await atOnce(64, () => running.client.publish(readIntent()))
  expect(new Set(published.map(({ intentId }) => intentId)).size).toBe(64)
  const decided = await Promise.all(published.map(({ intentId }) => running.client.awaitDecision(intentId)))
  expect(decided.map(({ state }) => state)).toEqual(times(64, 'allowed'))
  for (const { intentId } of published) {
    expect(await typesOf(running, intentId)).toEqual(['ActionIntentPublished', 'PolicyEvaluated', 'IntentAllowed'])
  }
})

describe('everything delivered again', () => {
  /** What a duplicate could change, as digests of whole tables. */
  const snapshot = async (): Promise<Record<string, unknown>> => {
    const digests: Record<string, unknown> = {}
    const tables = [
      'countersign.event',
      'countersign.stream_head',
      'ledger.entry',
      'ledger.log_head',
      'lineage.node',
      'lineage.edge',
      'lineage.audit_event',
      'lineage.audit_head',
    ]
    for (const table of tables) {
      const { rows } = await running.superuser.query(
        `select count(*) as rows, md5(string_agg(md5(t::text), '' order by md5(t::text))) as digest from ${table} t`,
      )
      digests[table] = rows[0]
    }
    return digests
  }
  /** Cards in Slack; the demo's forgets them when it is started again. */
  const cards = async (): Promise<string[]> =>
    (await running.slack.messages()).map(({ channel, ts }) => `${channel} ${ts}`)
  /** That no group is behind the log and that ledger and relay have taken every event. */
  const caughtUp = () =>
    until(
      async () => {
        const { rows } = await running.superuser.query<{ behind: string }>(
          `select (select count(*) from bus.parked_record)
                + (select count(*) from countersign.event e where not exists
                    (select from ledger.entry n where n.event_id = e.event_id))
                + (select count(*) from countersign.event e, relay.lease r
                   where (e.incarnation, e.xid, e.position) > (r.incarnation, r.xid, r.position)) as behind`,
        )
        return rows[0]?.behind === '0' && (await running.bus.behind()) === 0
      },
      { what: 'the end of the log', withinMs: 60_000 },
    )

  it('changes nothing: the bus is read from its beginning, then every event is sent again', async () => {
    await approved(running)
    await caughtUp()
    const [before, posted] = [await snapshot(), await cards()]
    expect(posted.length).toBeGreaterThan(0)
    await running.bus.rewind()
    await caughtUp()
    expect(await snapshot()).toEqual(before)
    expect(posted).toEqual(expect.arrayContaining(await cards()))

    const count = (): Promise<number> => running.bus.count('countersign.events.v1')
    const sent = await count()
    await running.superuser.query(
      `update relay.lease set incarnation = 0, xid = '0', position = 0, holder = null, held_until = '-infinity'`,
    )
    await caughtUp()
    expect(await count(), 'every event was sent twice').toBeGreaterThanOrEqual(sent * 2)
    expect(await snapshot()).toEqual(before)
    expect(posted).toEqual(expect.arrayContaining(await cards()))
  }, 600_000)
})
