import { newId } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Name, type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

let at: NotifierWorld
const tokens = new Map<string, string>()
beforeAll(async () => {
  at = await startWorld()
  for (const name of ['ben', 'olga'] as const) tokens.set(name, await at.token(name))
  tokens.set('agent', await at.agentToken())
})
afterAll(() => at.stop())

const digest = `sha256:${'0'.repeat(64)}`

const post = async (name: Name | 'agent', path: string, body: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.get(name)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { code } = (await response.json()) as { code?: string }
  return { status: response.status, code, retryAfter: response.headers.get('retry-after') }
}
const verdictsOf = (reviewId: string) => `/v1/reviews/${reviewId}/verdicts`

/** A review that the notifier knows of. */
const tracked = async (asked: Parameters<NotifierWorld['ask']>[0] = {}) => {
  const asking = await at.ask(asked)
  await at.carry(asking)
  await until(async () => {
    const found = await at.spec.superuser.query('select from notifier.review where review_id = $1', [asking.reviewId])
    return found.rowCount === 1 ? true : undefined
  })
  return asking
}

/** Attempts without an intent of today; an hour to both sides, in case the day ends meanwhile. */
const ofTheDay = (tenantId = at.spec.tenantId) =>
  [-3_600_000, 3_600_000].map((ms) =>
    nameId('attempts', tenantId, '@people', new Date(Date.now() + ms).toISOString().slice(0, 10)),
  )

/** What is counted on these streams: by whom, as what, how often, and how many of it have an event. */
const countsOn = async (streamIds: readonly string[]) => {
  const { rows } = await at.spec.superuser.query<Record<'source' | 'code' | 'total' | 'recorded', string>>(
    `select source, code, sum(total) as total, sum(recorded) as recorded from countersign.refusal_count
     where stream_id = any ($1::uuid[]) group by source, code order by source, code`,
    [streamIds],
  )
  return rows.map(({ source, code, total, recorded }) => ({
    source,
    code,
    total: Number(total),
    recorded: Number(recorded),
  }))
}
const countedToday = async (name: Name, code: string) =>
  (await countsOn(ofTheDay())).find((row) => row.source === `person/${at.people[name]}` && row.code === code)?.total ??
  0

describe('a refused verdict', () => {
  const approve = { verdict: 'approve', presentationDigest: digest }

  it.each<[string, string, object]>([
    ['without a digest', 'invalid_request', { verdict: 'approve' }],
    ['with half a digest', 'invalid_request', { ...approve, presentationDigest: 'sha256:00' }],
    ['with a reason of 2,001 characters', 'invalid_request', { ...approve, reason: 'r'.repeat(2_001) }],
    ['with a field too many', 'unknown_field', { ...approve, person: newId() }],
  ])('%s is an event of its intent and counted', async (_what, code, body) => {
    const asking = await tracked()
    const { reviewId, intentId } = asking
    expect(await post('ben', verdictsOf(reviewId), body)).toMatchObject({ status: 400, code })
    const source = `person/${at.people.ben}`
    expect(await countsOn([intentId])).toEqual([{ source, code, total: 1, recorded: 1 }])
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toEqual([
      { intentId, reviewId, verdict: 'approve', person: at.people.ben, channel: 'api', code, count: 1 },
    ])
  })

  it.each<[string, string, object]>([
    ['that is another word', 'invalid_request', { ...approve, verdict: 'APPROVE' }],
    ['that is none', 'invalid_request', { presentationDigest: digest }],
    ['that the edge refuses', 'string_too_long', { ...approve, reason: 'r'.repeat(10_000) }],
  ])('%s is counted for its intent, without an event', async (_what, code, body) => {
    const asking = await tracked()
    expect(await post('ben', verdictsOf(asking.reviewId), body)).toMatchObject({ status: 400, code })
    expect(await countsOn([asking.intentId])).toEqual([
      { source: `person/${at.people.ben}`, code, total: 1, recorded: 0 },
    ])
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toEqual([])
  })

  it('is counted however its path is spelled', async () => {
    const { reviewId, intentId } = await tracked()
    await post('ben', `/v1/%72eviews/${reviewId}/%76erdicts?`, { verdict: 'yes' })
    expect(await countsOn([intentId])).toMatchObject([{ code: 'invalid_request', total: 1 }])
  })

  it('is counted once when it was recorded with the decision about it', async () => {
    const asking = await tracked()
    const deny = { verdict: 'deny', presentationDigest: digest, reason: 'no' }
    const { code = '' } = await post('ben', verdictsOf(asking.reviewId), deny)
    expect(await countsOn([asking.intentId])).toMatchObject([{ code, total: 1, recorded: 1 }])
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toHaveLength(1)
  })

  it('is counted exactly when many come at once', async () => {
    const asking = await tracked()
    await Promise.all(
      Array.from({ length: 30 }, () => post('ben', verdictsOf(asking.reviewId), { verdict: 'approve' })),
    )
    const [counted] = await countsOn([asking.intentId])
    expect(counted?.total).toBe(30)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toHaveLength(counted?.recorded ?? -1)
  })

  it('on a review that nobody knows, or that can be none, is counted with the people of the day', async () => {
    const before = [await countedToday('ben', 'unknown_review'), await countedToday('ben', 'not_found')]
    expect(await post('ben', verdictsOf(newId()), approve)).toMatchObject({ status: 404, code: 'unknown_review' })
    expect(await post('ben', verdictsOf('none'), approve)).toMatchObject({ status: 404, code: 'not_found' })
    const after = [await countedToday('ben', 'unknown_review'), await countedToday('ben', 'not_found')]
    expect(after).toEqual(before.map((count) => count + 1))
  })

  it('on a review of another tenant leaves nothing of the person there', async () => {
    const foreign = await tracked({ tenantId: await at.spec.addTenant('foreign'), owners: [] })
    const before = await countedToday('ben', 'invalid_request')
    await post('ben', verdictsOf(foreign.reviewId), { verdict: 'approve' })
    expect(await countedToday('ben', 'invalid_request')).toBe(before + 1)
    expect([await countsOn([foreign.intentId, ...ofTheDay(foreign.tenantId)]), await at.attemptsOf(foreign)]).toEqual([
      [],
      [],
    ])
  })

  it('of a program, which is nobody in the directory, is answered and not recorded', async () => {
    const { reviewId, intentId } = await tracked()
    expect(await post('agent', verdictsOf(reviewId), { verdict: 'approve' })).toMatchObject({ code: 'invalid_request' })
    expect(await countsOn([intentId])).toEqual([])
  })

  it('is not answered while it cannot be recorded', async () => {
    const { reviewId } = await tracked()
    const shut = `add constraint shut check (code not in ('invalid_request', 'string_too_long')) not valid`
    await at.spec.superuser.query(`alter table countersign.refusal_count ${shut}`)
    try {
      for (const body of [{ verdict: 'approve' }, { ...approve, reason: 'r'.repeat(10_000) }]) {
        const answer = await post('ben', verdictsOf(reviewId), body)
        expect(answer).toEqual({ status: 503, code: 'overloaded', retryAfter: '5' })
      }
      expect(await post('agent', verdictsOf(reviewId), {})).toMatchObject({ status: 400, code: 'invalid_request' })
    } finally {
      await at.spec.superuser.query('alter table countersign.refusal_count drop constraint shut')
    }
  })
})

describe('a refused change of the directory', () => {
  it.each<[Name, string, string, object]>([
    ['ben', 'not_allowed', '/v1/directory/groups', { group: 'on-call' }],
    ['ben', 'not_allowed', '/v1/directory/people', { issuer: 'https://i.example', subject: 'x', displayName: 'X' }],
    [
      'olga',
      'hidden_text',
      '/v1/directory/people',
      { issuer: 'https://i.example', subject: 'x', displayName: 'X\u200b' },
    ],
    ['olga', 'invalid_request', '/v1/directory/groups', { group: 'on-call', add: [newId()] }],
    ['olga', 'invalid_request', '/v1/accounts', {}],
    [
      'olga',
      'person_inactive',
      '/v1/accounts',
      { provider: 'slack', teamId: 'T0LOOP', userId: 'U0NEW', person: newId() },
    ],
  ])('by %s, %s on %s, is counted', async (name, code, path, body) => {
    const before = await countedToday(name, code)
    expect(await post(name, path, body)).toMatchObject({ code })
    expect(await countedToday(name, code)).toBe(before + 1)
  })
})
