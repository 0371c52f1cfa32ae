import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ReviewGroup } from '../keep-directory/review-group.handler.ts'
import { type Name, type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'

/** Olga alone connects a feed, whose credential she keeps; Cora and Ben are the others who could review that. */
let at: NotifierWorld
const tokens = new Map<string, string>()
let credential = ''
let group = ''
let groupsMade = 0
beforeAll(async () => {
  at = await startWorld()
  for (const name of ['ben', 'cora', 'olga'] as const) tokens.set(name, await at.token(name))
})
afterAll(() => at.stop())
beforeEach(async () => {
  groupsMade += 1
  group = `desk-${groupsMade}`
  const { superuser, tenantId } = at.spec
  await superuser.query('delete from countersign.directory_feed')
  await superuser.query('delete from notifier.scim_user')
  await superuser.query(`update countersign.person set kind = 'human'`)
  credential = await connects()
  // Who was deactivated by the rule before may act again, and has their place again.
  for (const name of ['cora', 'ben', 'nora'] as const) await userOf(name)
  await superuser.query(
    `delete from countersign.group_member where group_name in ('operators', 'security-admins') and subject_id <> $1`,
    [at.people.olga],
  )
  await superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id) select $1, 'security-admins', unnest($2::uuid[])`,
    [tenantId, [at.people.cora, at.people.ben]],
  )
  await superuser.query('delete from countersign.former_member')
})

type Answer = Record<string, unknown> & { readonly openChanges?: { readonly changeId: number }[] }
const send = async (method: string, path: string, bearer: string | undefined, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Answer }
}
const ask = async (name: Name, path: string, body?: object) =>
  (await send(body === undefined ? 'GET' : 'POST', path, tokens.get(name), body)).body
const connects = async () => {
  const feed = { issuer: at.idp.issuer, subjectFrom: 'userName', maxAgeMs: 3_600_000, reason: 'kept by the provider' }
  return String((await ask('olga', '/v1/directory/feed', feed))['token'])
}
const disconnects = () => ask('olga', '/v1/directory/feed/disconnect', { reason: 'it was a trial' })
const userOf = (name: Name) => send('POST', '/scim/v2/Users', credential, { userName: name })
const feedSays = async (name: Name, active: boolean) => {
  const Operations = [{ op: 'replace', path: 'active', value: active }]
  expect(await send('PATCH', `/scim/v2/Users/${at.people[name]}`, credential, { Operations })).toMatchObject({
    status: 200,
  })
}
const feedDeactivates = async (...people: readonly Name[]) => {
  for (const name of people) await feedSays(name, false)
}
const daysPass = (days: number) =>
  at.spec.superuser.query(`update countersign.former_member set until = until - $1 * interval '1 day'`, [days])
/** How whom the feed, or where there is none Olga, seats now is seated. */
const seatGiven = async () => {
  const seated = await send('POST', '/scim/v2/Groups', credential, {
    displayName: group,
    members: [{ value: at.people.nora }],
  })
  if (seated.status === 401)
    await ask('olga', '/v1/directory/groups', { group, add: [at.people.nora], remove: [], reason: 'on call' })
  const { rows } = await at.spec.superuser.query<{ counts: boolean; rests_on: string | null }>(
    'select counts, rests_on from countersign.group_member where group_name = $1',
    [group],
  )
  await at.spec.superuser.query('delete from notifier.scim_group')
  group += 'x'
  return rows[0]
}
const awaitsReview = () => ({ counts: false, rests_on: at.people.olga })
const onOneWord = () => ({ counts: true, rests_on: at.people.olga })
const connectionReview = async () => {
  const { openChanges } = await ask('olga', '/v1/directory/feed')
  return { name: 'scim', upTo: openChanges?.at(-1)?.changeId, reason: 'it is our provider' }
}

describe('who is deactivated by a feed that nobody but who connected it has seen', () => {
  it('may do nothing from that moment on', async () => {
    await feedDeactivates('cora')
    expect(await ask('cora', '/v1/directory/feed')).toMatchObject({ code: 'person_inactive' })
    expect(await ask('cora', '/v1/directory/feed/review', await connectionReview())).toMatchObject({
      code: 'person_inactive',
    })
  })

  it('stays somebody who could review it, however long ago that was: who connected it is never alone by it', async () => {
    await feedDeactivates('cora', 'ben')
    expect(await seatGiven()).toEqual(awaitsReview())
    await daysPass(400)
    expect(await seatGiven()).toEqual(awaitsReview())
  })

  it('stays so when it deletes them, which leaves them without any place', async () => {
    for (const name of ['cora', 'ben'] as const)
      expect(await send('DELETE', `/scim/v2/Users/${at.people[name]}`, credential)).toMatchObject({ status: 204 })
    const { rows } = await at.spec.superuser.query(
      'select group_name from countersign.group_member where subject_id = any ($1::uuid[])',
      [[at.people.cora, at.people.ben]],
    )
    expect(rows).toEqual([])
    await daysPass(400)
    expect(await seatGiven()).toEqual(awaitsReview())
  })

  it('stays so when they may act again, which leaves them without their place', async () => {
    await feedDeactivates('cora', 'ben')
    for (const name of ['cora', 'ben'] as const) await feedSays(name, true)
    await daysPass(400)
    expect(await seatGiven()).toEqual(awaitsReview())
  })

  it('stays so while its credential is renewed', async () => {
    await feedDeactivates('cora', 'ben')
    credential = await connects()
    await daysPass(400)
    expect(await seatGiven()).toEqual(awaitsReview())
  })

  it.each([
    ['deactivated', { active: false }],
    ['marked as a shared account', { kind: 'shared' }],
  ])('stays so too when they are %s by its author while it waits', async (_what, away) => {
    for (const subject of ['cora', 'ben'] as const) {
      const person = { issuer: at.idp.issuer, subject, displayName: subject, reason: 'left', ...away }
      expect(await ask('olga', '/v1/directory/people', person)).toMatchObject({ changed: true })
    }
    await daysPass(400)
    expect(await seatGiven()).toEqual(awaitsReview())
  })

  it('is not stood in for by whom its author made a reviewer', async () => {
    await feedDeactivates('cora', 'ben')
    await at.spec.superuser.query(
      `insert into countersign.group_member (tenant_id, group_name, subject_id, added_by, counts, rests_on)
       values ($1, 'operators', $2, $3, true, $3)`,
      [at.spec.tenantId, at.people.erin, at.people.olga],
    )
    await daysPass(400)
    const erin = { tenantId: at.spec.tenantId, subjectId: at.people.erin, groups: ['operators'] }
    const { upTo = 0, ...review } = await connectionReview()
    expect(await new ReviewGroup(at.stores.notifier).handle(erin, { ...review, upTo }, 'directory_feed')).toMatchObject(
      { code: 'own_change' },
    )
  })

  it('waits no longer than 7 days from the end of the feed, which its author says in their own name', async () => {
    await feedDeactivates('cora', 'ben')
    await daysPass(400)
    await disconnects()
    expect(await seatGiven()).toEqual(awaitsReview())
    await daysPass(8)
    expect(await seatGiven()).toEqual(onOneWord())
  })

  it('waits no longer than 7 days when another person has reviewed it: then it is the provider’s word', async () => {
    await feedDeactivates('cora')
    expect(await ask('ben', '/v1/directory/feed/review', await connectionReview())).toMatchObject({ left: [] })
    expect(await seatGiven()).toEqual({ counts: true, rests_on: null })
    await feedDeactivates('ben')
    await daysPass(8)
    await disconnects()
    expect(await seatGiven()).toEqual(onOneWord())
  })
})
