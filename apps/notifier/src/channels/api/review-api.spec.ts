import type { Problem, ReviewSummary, ReviewView } from '@countersign/contracts'
import { newId } from '@countersign/event-store'
import { canonicalJson, sha256 } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../../asking.fixture.ts'
import { type Name, type NotifierWorld, startWorld, until } from '../../notifier-world.fixture.ts'
import type { Presentation } from '../../present-review/presentation.ts'

let at: NotifierWorld
const tokens = new Map<string, string>()
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

type Answer<Body> = { status: number; headers: Headers; body: Body }
const call = async <Body>(name: Name | 'agent', path: string, body?: object): Promise<Answer<Body>> => {
  const token = tokens.get(name) ?? (name === 'agent' ? await at.agentToken() : await at.token(name))
  tokens.set(name, token)
  const response = await fetch(`${at.url}/v1/reviews${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}
const read = (name: Name, { reviewId }: Asking) => call<ReviewView>(name, `/${reviewId}`)
const vote = (name: Name | 'agent', { reviewId }: Asking, body: object) =>
  call<Problem & { state: string }>(name, `/${reviewId}/verdicts`, body)
/** A review that the notifier knows of. */
const tracked = async (asked: Parameters<NotifierWorld['ask']>[0] = {}) => {
  const asking = await at.ask(asked)
  await at.carry(asking)
  await until(async () => ((await known(asking)) ? true : undefined))
  return asking
}
const known = async ({ reviewId }: Asking) =>
  (await at.spec.superuser.query('select from notifier.review where review_id = $1', [reviewId])).rowCount === 1

describe('reading reviews', () => {
  it('shows everything to who holds a seat, recorded once per reader before it is answered', async () => {
    const logs = Array.from({ length: 30 }, (_, index) => `line ${index} ${'x'.repeat(300)}`)
    const asking = await tracked({ rationale: 'Because.', logs, parameters: { card: '4111111111111111', n: [1, 2] } })
    const first = await read('ben', asking)
    expect(first.status).toBe(200)
    const presentation = first.body.presentation as Presentation
    expect(presentation).toMatchObject({ complete: true, channel: 'api', target: 's3://partner-eu/customers' })
    expect(presentation.claims.logs).toEqual({ lines: logs, omitted: 0 })
    expect(presentation.parameters).toContain('[REDACTED:')
    expect(presentation.parameters).not.toContain('4111111111111111')
    expect(first.body.presentationDigest).toBe(sha256(canonicalJson(presentation)))
    await Promise.all([read('ben', asking), read('ben', asking), read('cora', asking)])
    const shown = (await at.attemptsNamed(asking, 'ReviewPresented')).filter(({ channel }) => channel === 'api')
    expect(shown).toHaveLength(2)
    expect(new Set(shown.map(({ reader }) => reader))).toEqual(new Set([at.people.ben, at.people.cora]))
  })

  it('shows for whom it is asked, what is intended and what it is said to touch', async () => {
    const impact = { rows: 12_000, reversible: false, dataClasses: ['personal'] }
    const asking = await tracked({ onBehalfOf: at.people.nora, impact, rationale: 'The partner asked for it.' })
    expect((await read('ben', asking)).body.presentation).toMatchObject({
      onBehalfOf: { person: at.people.nora, name: 'Nora' },
      agent: { name: 'etl-bot', kind: 'agent', model: 'm-4' },
      action: 'data.export',
      environment: 'production',
      claims: { rationale: 'The partner asked for it.', impact },
    })
  })

  it('lists what the caller may decide, all of it for auditors, and presents nothing by that', async () => {
    const asking = await tracked({ seats: [{ group: 'security', count: 1 }] })
    const listed = async (name: Name, query = '') =>
      (await call<{ reviews: ReviewSummary[] }>(name, query)).body.reviews.map(({ reviewId }) => reviewId)
    expect(await listed('erin')).toContain(asking.reviewId)
    expect(await listed('audra', '?state=in_review')).toContain(asking.reviewId)
    expect(await listed('audra', '?state=denied')).not.toContain(asking.reviewId)
    expect(await listed('ben')).not.toContain(asking.reviewId)
    expect((await call<Problem>('agent', '')).body).toMatchObject({ status: 403, code: 'not_human' })
    expect((await call<Problem>('ben', '?state=x')).status).toBe(400)
    expect((await at.attemptsNamed(asking, 'ReviewPresented')).filter(({ channel }) => channel === 'api')).toEqual([])
  })

  it('waits for a review that is not known yet, and tells nobody more by that than without', async () => {
    const asking = await at.ask({})
    const [waiting, stranger] = ['ben', 'erin'].map((name) =>
      call<ReviewView & Problem>(name as Name, `/${asking.reviewId}?waitMs=${name === 'ben' ? 20_000 : 1_500}`),
    )
    await at.carry(asking)
    expect((await waiting)?.body.reviewId).toBe(asking.reviewId)
    expect((await stranger)?.body).toMatchObject({ status: 404, code: 'unknown_review' })
  })

  it('answers the same for a review that is not there and one of another group or tenant', async () => {
    const [ofSecurity, foreign] = [
      await tracked({ seats: [{ group: 'security', count: 1 }] }),
      await tracked({ tenantId: await at.spec.addTenant('other'), owners: [] }),
    ]
    const missing = { ...ofSecurity, reviewId: newId() }
    for (const asking of [ofSecurity, foreign, missing]) {
      expect((await read('ben', asking)).body).toMatchObject({ status: 404, code: 'unknown_review' })
    }
    expect(await at.attemptsOf(foreign)).toEqual([])
  })
})

describe('a verdict over the API', () => {
  it('names what the person has read, is sealed with its reason and decides', async () => {
    const asking = await tracked()
    const { presentationDigest } = (await read('ben', asking)).body
    const answer = await vote('ben', asking, { verdict: 'approve', presentationDigest, reason: 'looks right' })
    expect(answer).toMatchObject({ status: 201, body: { state: 'approved', intentId: asking.intentId } })
    const verdict = (await at.eventsOf(asking)).find(({ type }) => type === 'VerdictRecorded')
    expect(verdict?.data).toMatchObject({
      person: at.people.ben,
      channel: 'api',
      assurance: 'sso',
      presentationDigest,
      reasonCommitment: expect.stringMatching(/^sha256:/),
    })
    const { sealedReasonId: sealedId = '' } = (verdict?.data ?? {}) as { sealedReasonId?: string }
    const opened = (await at.keys.openBatch([{ tenantId: asking.tenantId, sealedId }])).get(sealedId)
    expect(opened).toMatchObject({ status: 'open', purpose: 'reason' })
    expect((await read('ben', asking)).body).toMatchObject({ state: 'approved', verdicts: [{ verdict: 'approve' }] })
    await at.card(asking, (blocks) => blocks.includes('Approved by Ben (api)'))
  })

  it('changes the review that it names and none of those that wait beside it', async () => {
    const waiting = await Promise.all(Array.from({ length: 12 }, () => at.ask({})))
    for (const asking of waiting) await at.carry(asking)
    const named = waiting[7] as Asking
    const { presentationDigest } = (
      await until(async () => {
        const answer = await read('ben', named)
        return answer.status === 200 ? answer : undefined
      })
    ).body
    for (const other of [waiting[6], waiting[8]] as Asking[])
      expect((await vote('ben', other, { verdict: 'approve', presentationDigest })).body.code).toBe('card_stale')
    expect((await vote('ben', named, { verdict: 'approve', presentationDigest })).status).toBe(201)
    const states = await Promise.all(waiting.map(async (asking) => (await read('cora', asking)).body.state))
    expect(states).toEqual(waiting.map((asking) => (asking === named ? 'approved' : 'in_review')))
  })

  it('counts only for what this person was shown, never for a card or for what somebody else read', async () => {
    const asking = await tracked()
    await at.card(asking)
    const { presentationDigest } = (await read('ben', asking)).body
    const [onCard] = await at.attemptsNamed(asking, 'ReviewPresented')
    for (const digest of [presentationDigest, onCard?.presentationDigest, `sha256:${'0'.repeat(64)}`]) {
      const answer = await vote('cora', asking, { verdict: 'approve', presentationDigest: digest })
      expect(answer.body).toMatchObject({ status: 409, code: 'card_stale' })
    }
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toHaveLength(3)
  })

  it.each([
    ['agent', 403, 'not_human', null],
    ['dana', 403, 'owner_of_agent', 'dana'],
    ['audra', 403, 'not_eligible', 'audra'],
  ] as const)('refuses %s: %i %s, and records who tried', async (name, status, code, person) => {
    const asking = await tracked()
    const { presentationDigest } = (await read('ben', asking)).body
    expect((await vote(name, asking, { verdict: 'approve', presentationDigest })).body).toMatchObject({ status, code })
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code, channel: 'api', person: person === null ? null : at.people[person], count: 1 },
    ])
  })

  it('refuses somebody of another tenant as if there were no review, and lets no id of theirs into its events', async () => {
    const tenantId = await at.spec.addTenant('neighbour')
    const asking = await tracked({ tenantId, owners: [] })
    const answer = await vote('ben', asking, { verdict: 'deny', presentationDigest: `sha256:${'0'.repeat(64)}` })
    expect(answer.body).toMatchObject({ status: 404, code: 'unknown_review' })
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([{ code: 'unknown_review', person: null }])
  })

  it('asks for the sign-in that policy demands, by the headers of RFC 9470, and records who tried', async () => {
    const assurance = { atLeast: 'mfa', signedInWithinMs: 900_000 } as const
    const asking = await tracked({ assurance })
    const shown = await read('ben', asking)
    expect(shown.body).toMatchObject({ assurance, presentation: { assurance } })
    const { presentationDigest } = shown.body
    const refused = await vote('ben', asking, { verdict: 'approve', presentationDigest })
    expect(refused.body).toMatchObject({ status: 401, code: 'step_up_required' })
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer realm="countersign", error="insufficient_user_authentication", acr_values="mfa", max_age=900',
    )
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code: 'step_up_required', person: at.people.ben, count: 1 },
    ])
    const surely = (await read('cora', asking)).body
    const answer = await vote('cora', asking, { verdict: 'approve', presentationDigest: surely.presentationDigest })
    expect(answer.body).toMatchObject({ state: 'approved' })
    const verdict = (await at.eventsOf(asking)).find(({ type }) => type === 'VerdictRecorded')
    expect(verdict?.data).toMatchObject({ assurance: 'mfa', authTime: expect.stringMatching(/^20.*Z$/) })
  })

  it('takes a no at any assurance', async () => {
    const asking = await tracked({ assurance: { atLeast: 'webauthn' } })
    const { presentationDigest } = (await read('ben', asking)).body
    const answer = await vote('ben', asking, { verdict: 'deny', presentationDigest, reason: 'not this way' })
    expect(answer.body).toMatchObject({ state: 'denied' })
  })

  it('says no only with a reason, and too late is recorded as that', async () => {
    const asking = await tracked()
    const { presentationDigest } = (await read('ben', asking)).body
    const deny = { verdict: 'deny', presentationDigest }
    expect((await vote('ben', asking, deny)).body).toMatchObject({ status: 400, code: 'reason_required' })
    expect((await vote('ben', asking, { ...deny, reason: '  x ' })).body.code).toBe('reason_required')
    expect((await vote('ben', asking, { ...deny, reason: 'wrong bucket' })).body.state).toBe('denied')
    expect((await vote('ben', asking, { verdict: 'approve', presentationDigest })).body.code).toBe('review_closed')
    expect(await at.attemptsNamed(asking, 'VerdictTooLate')).toMatchObject([
      { code: 'review_closed', person: at.people.ben },
    ])
  })

  it('is not taken after the deadline, whether or not anybody has said so', async () => {
    const asking = await tracked({ reviewWithinMs: 1_000 })
    const { presentationDigest } = (await read('ben', asking)).body
    await until(async () => ((await read('ben', asking)).body.state === 'expired' ? true : undefined))
    const answer = await vote('ben', asking, { verdict: 'approve', presentationDigest })
    expect(answer.body).toMatchObject({ status: 409, code: 'review_expired' })
    expect(await at.attemptsNamed(asking, 'VerdictTooLate')).toMatchObject([{ code: 'review_expired' }])
  })

  it('refuses what is not one of the two words, and fields it does not know', async () => {
    const asking = await tracked()
    const { presentationDigest } = (await read('ben', asking)).body
    for (const verdict of ['APPROVE', 'approved ', 'yes', 1, true]) {
      expect((await vote('ben', asking, { verdict, presentationDigest })).body.code).toBe('invalid_request')
    }
    const extra = { verdict: 'approve', presentationDigest, person: at.people.cora }
    expect((await vote('ben', asking, extra)).body.code).toBe('unknown_field')
  })
})

describe('an account that operators marked as shared', () => {
  it('decides nothing over any channel until it is marked human again, and each mark is an event with who and why', async () => {
    const mark = async (body: object) => {
      const person = { issuer: at.idp.issuer, subject: 'erin', displayName: 'Erin' }
      const response = await fetch(`${at.url}/v1/directory/people`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await at.token('olga')}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...person, ...body }),
      })
      return ((await response.json()) as { changed: boolean }).changed
    }
    expect(await mark({ kind: 'shared', reason: 'the night desk signs in by it' })).toBe(true)
    // Whoever registers somebody again without a word about it changes nothing.
    expect(await mark({})).toBe(false)
    const asking = await tracked({ seats: [{ group: 'security', count: 1 }] })
    const { presentationDigest } = (await read('erin', asking)).body
    const refused = await vote('erin', asking, { verdict: 'approve', presentationDigest })
    expect(refused.body).toMatchObject({ status: 403, code: 'not_human' })
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([
      { code: 'not_human', person: at.people.erin },
    ])
    expect(await mark({ kind: 'human', reason: 'it was hers after all' })).toBe(true)
    expect((await vote('erin', asking, { verdict: 'approve', presentationDigest })).body).toMatchObject({
      state: 'approved',
    })
    const { rows } = await at.spec.superuser.query<{ data: object }>(
      `select data from countersign.event where type like '%DirectoryPersonRegistered%'
       and data ->> 'person' = $1 and data -> 'kind' is not null order by position`,
      [at.people.erin],
    )
    expect(rows.map(({ data }) => data)).toMatchObject([
      { kind: 'shared', changedBy: at.people.olga, reason: 'the night desk signs in by it' },
      { kind: 'human', changedBy: at.people.olga },
    ])
  })
})

describe('a store that may have been restored', () => {
  it('takes no verdict, shows nothing it cannot record and lists reviews; nothing is lost by that', async () => {
    const asking = await tracked()
    const { presentationDigest } = (await read('ben', asking)).body
    const undo = await at.spec.setBack()
    const body = { verdict: 'approve', presentationDigest }
    const refused = { status: 503, code: 'store_not_adopted' }
    // The first statement on a session that was ended may fail for that.
    await until(async () => ((await vote('ben', asking, body)).body.code === refused.code ? true : undefined))
    expect((await vote('ben', asking, body)).body).toMatchObject(refused)
    expect((await read('cora', asking)).body).toMatchObject(refused)
    expect((await call('ben', '')).status).toBe(200)
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toEqual([])
    await undo()
    expect((await vote('ben', asking, body)).body).toMatchObject({ state: 'approved' })
  })
})

describe('the directory over HTTP', () => {
  it('is changed by operators only, in their name', async () => {
    const change = async (name: Name, body: object) => {
      const response = await fetch(`${at.url}/v1/directory/groups`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await at.token(name)}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as { code?: string; members?: string[] } }
    }
    const body = { group: 'on-call', add: [at.people.erin] }
    expect(await change('ben', body)).toMatchObject({ status: 403, body: { code: 'not_allowed' } })
    expect(await change('olga', body)).toMatchObject({ status: 200, body: { members: [at.people.erin] } })
    const { rows } = await at.spec.superuser.query<{ changed_by: string }>(
      `select changed_by, seeded from countersign.directory_group where name = 'on-call'`,
    )
    expect(rows).toEqual([{ changed_by: at.people.olga, seeded: false }])
  })
})
