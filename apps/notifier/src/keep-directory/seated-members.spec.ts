import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Asking } from '../asking.fixture.ts'
import { type Name, type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

/** Olga is an operator; Nora is whoever she seats, and may be Olga by another login. */
let at: NotifierWorld
const tokens = new Map<string, string>()
let groupsMade = 0
let group = ''
beforeAll(async () => {
  at = await startWorld()
  for (const name of ['ben', 'cora', 'erin', 'nora', 'olga'] as const) tokens.set(name, await at.token(name))
})
afterAll(() => at.stop())
beforeEach(async () => {
  groupsMade += 1
  group = `desk-${groupsMade}`
})

type Answer = Record<string, unknown> & { readonly openChanges?: { readonly changeId: number }[] }
const send = async (bearer: string | undefined, path: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Answer
}
const ask = (name: Name, path: string, body?: object) => send(tokens.get(name), path, body)
const change = (name: Name, of: string, add: readonly Name[], remove: readonly Name[] = []) =>
  ask(name, '/v1/directory/groups', {
    group: of,
    add: add.map((one) => at.people[one]),
    remove: remove.map((one) => at.people[one]),
    reason: 'on call',
  })
const review = async (name: Name, of: string) => {
  const { groups } = (await ask('olga', `/v1/directory/groups?name=${of}`)) as unknown as { groups: Answer[] }
  const upTo = groups[0]?.openChanges?.at(-1)?.changeId
  return ask(name, '/v1/directory/groups/review', { name: of, upTo, reason: 'they are a colleague' })
}
const register = (subject: string, more: object) =>
  ask('olga', '/v1/directory/people', {
    issuer: at.idp.issuer,
    subject,
    displayName: subject,
    reason: 'back again',
    ...more,
  })
const seed = (of: string, name: Name) =>
  at.spec.superuser.query(
    'insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, $2, $3) on conflict do nothing',
    [at.spec.tenantId, of, at.people[name]],
  )
const unseat = (of: string, ...people: readonly Name[]) =>
  at.spec.superuser.query('delete from countersign.group_member where group_name = $1 and subject_id = any ($2)', [
    of,
    people.map((name) => at.people[name]),
  ])
const forgetWhoLeft = () =>
  at.spec.superuser.query(`update countersign.former_member set until = until - interval '8 days'`)
const asked = async (): Promise<Asking> => {
  const asking = await at.ask({ seats: [{ group, count: 1 }], requestedAt: new Date().toISOString() })
  await at.carry(asking)
  return asking
}
/** What a read of the review answers once it is there, as the auditor sees. */
const reads = async (name: Name, { reviewId }: Asking): Promise<Answer> => {
  const path = `/v1/reviews/${reviewId}`
  const auditor = await at.token('audra')
  await until(async () => ((await send(auditor, path))['presentation'] === undefined ? undefined : true))
  return ask(name, path)
}
const approves = async (name: Name, asking: Asking): Promise<unknown> => {
  const { presentationDigest, code } = await reads(name, asking)
  const verdict = { verdict: 'approve', presentationDigest }
  return code ?? (await ask(name, `/v1/reviews/${asking.reviewId}/verdicts`, verdict))['code'] ?? 'ok'
}

/** What the one verdict about an asking says of seats on one person's word. */
const wordsOf = async (asking: Asking): Promise<unknown> => {
  const [verdict, ...others] = (await at.eventsOf(asking)).filter(({ type }) => type === 'VerdictRecorded')
  if (verdict === undefined || others.length > 0) throw new Error('there is not one verdict')
  return (verdict.data as { onOneWord?: unknown }).onOneWord
}
const lastReview = async (): Promise<unknown> => {
  const { rows } = await at.spec.superuser.query<{ data: unknown }>(
    `select data from countersign.event where type like '%.DirectoryReviewed.%' order by position desc limit 1`,
  )
  return rows[0]?.data
}

describe('whom one operator puts into a group, where another person could review that', () => {
  beforeAll(() => seed('security-admins', 'cora'))

  it('decides nothing in it, not even to look, until another person has reviewed it', async () => {
    expect(await change('olga', group, ['nora'])).toMatchObject({ changed: true, seats: 'await_review' })
    const before = await asked()
    expect(await approves('nora', before)).toBe('unknown_review')
    const unseen = { verdict: 'deny', reason: 'no', presentationDigest: `sha256:${'0'.repeat(64)}` }
    const answer = await ask('nora', `/v1/reviews/${before.reviewId}/verdicts`, unseen)
    expect(answer).toMatchObject({ status: 403, code: 'seat_unreviewed' })
    expect(await review('olga', group)).toMatchObject({ code: 'own_change' })
    expect(await review('cora', group)).toMatchObject({ left: [] })
    expect(await approves('nora', before)).toBe('joined_after_request')
    const after = await asked()
    expect((await reads('nora', after))['presentation']).not.toHaveProperty('seatsOnOneWord')
    expect(await approves('nora', after)).toBe('ok')
  })

  it('has no right of it either: to change groups, or to review', async () => {
    await change('olga', group, ['nora'])
    await change('olga', 'operators', ['nora'])
    expect(await change('nora', group, ['erin'])).toMatchObject({ code: 'not_allowed' })
    expect(await review('nora', group)).toMatchObject({ code: 'not_allowed' })
    await unseat('operators', 'nora')
  })

  it('is not reviewed by whoever is the same natural person as who did it', async () => {
    const link = { people: [at.people.olga, at.people.cora], same: true, reason: 'by both names' }
    await change('olga', group, ['nora'])
    await ask('olga', '/v1/directory/people/link', link)
    expect(await review('cora', group)).toMatchObject({ code: 'own_change' })
    await at.spec.superuser.query('delete from countersign.person_link')
    expect(await review('cora', group)).toMatchObject({ left: [] })
  })

  it.each<[string, object, object]>([
    ['inactive', { active: false }, { active: true }],
    ['a shared account', { kind: 'shared' }, { kind: 'human' }],
  ])('gets no seat back by having been %s for a moment', async (_what, away, back) => {
    await change('olga', group, ['nora'])
    await review('cora', group)
    expect(await approves('nora', await asked())).toBe('ok')
    await register('nora', away)
    await register('nora', back)
    expect(await approves('nora', await asked())).toBe('unknown_review')
    expect(await review('cora', group)).toMatchObject({ left: [] })
    expect(await approves('nora', await asked())).toBe('ok')
  })

  it('does not count sooner by taking the others out who could review: for 7 days they still could', async () => {
    await unseat('security-admins', 'cora')
    expect(await change('olga', group, ['nora'])).toMatchObject({ seats: 'await_review' })
    await forgetWhoLeft()
    expect(await change('olga', group, ['erin'])).toMatchObject({ seats: 'on_one_word' })
  })
})

describe('whom the only operator puts into a group', () => {
  beforeAll(async () => {
    await unseat('security-admins', 'cora')
    await forgetWhoLeft()
  })

  it('counts at once, and the card says on whose word', async () => {
    expect(await change('olga', group, ['nora', 'erin'])).toMatchObject({ seats: 'on_one_word' })
    const asking = await asked()
    expect((await reads('nora', asking))['presentation']).toMatchObject({ seatsOnOneWord: 2 })
    await at.card(asking, (blocks) => blocks.includes('2 people hold seats on one operator’s word'))
    expect(await approves('nora', asking)).toBe('ok')
    expect(await wordsOf(asking)).toEqual([{ group, word: at.people.olga, change: expect.any(Number) as number }])
  })

  it('is still said to rest on that word when somebody has reviewed it whom that operator made a reviewer', async () => {
    await change('olga', 'operators', ['ben'])
    await change('olga', group, ['nora'])
    expect(await review('ben', group)).toMatchObject({ left: [] })
    expect(await lastReview()).toMatchObject({ by: at.people.ben, word: at.people.olga })
    const asking = await asked()
    expect((await reads('nora', asking))['presentation']).toMatchObject({ seatsOnOneWord: 1 })
    expect(await approves('nora', asking)).toBe('ok')
    expect(await wordsOf(asking)).toMatchObject([{ group, word: at.people.olga }])
  })

  it('cannot be reviewed by such a one once there is somebody whom another has made a reviewer', async () => {
    await change('olga', group, ['nora'])
    await seed('security-admins', 'cora')
    expect(await review('ben', group)).toMatchObject({ code: 'own_change' })
    expect(await review('cora', group)).toMatchObject({ left: [] })
    expect(await lastReview()).not.toHaveProperty('word')
    const asking = await asked()
    expect((await reads('nora', asking))['presentation']).not.toHaveProperty('seatsOnOneWord')
    expect(await approves('nora', asking)).toBe('ok')
    expect(await wordsOf(asking)).toBeUndefined()
    await unseat('security-admins', 'cora')
    await forgetWhoLeft()
  })
})
