import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Name, type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'

/** Olga connects a feed, and keeps its credential; Cora is a security admin, who could review that. */
let at: NotifierWorld
let credential = ''
const call = async (method: string, path: string, bearer: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Record<string, unknown>
}
const ask = async (name: Name, path: string, body?: object) =>
  call(body === undefined ? 'GET' : 'POST', path, await at.token(name), body)
const push = (displayName: string, ...people: readonly Name[]) =>
  call('POST', '/scim/v2/Groups', credential, {
    displayName,
    members: people.map((name) => ({ value: at.people[name] })),
  })
const counts = async (group: string, name: Name) => {
  const { rows } = await at.spec.superuser.query<{ counts: boolean; rests_on: string | null }>(
    'select counts, rests_on from countersign.group_member where group_name = $1 and subject_id = $2',
    [group, at.people[name]],
  )
  return rows[0]
}

beforeAll(async () => {
  at = await startWorld()
  await at.spec.superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, 'security-admins', $2)`,
    [at.spec.tenantId, at.people.cora],
  )
  const feed = { issuer: at.idp.issuer, subjectFrom: 'userName', maxAgeMs: 3_600_000, reason: 'kept by the provider' }
  credential = String((await ask('olga', '/v1/directory/feed', feed))['token'])
  for (const userName of ['nora', 'olga', 'erin']) await call('POST', '/scim/v2/Users', credential, { userName })
})
afterAll(() => at.stop())

describe('whom a feed puts into a group', () => {
  it('is put there by whoever connected it: nobody of them counts until another person has reviewed that', async () => {
    await push('night desk', 'nora')
    expect(await counts('night-desk', 'nora')).toEqual({ counts: false, rests_on: at.people.olga })
    await push('on call', 'erin')
    const { rows } = await at.spec.superuser.query<{ data: object }>(
      `select data from countersign.event where type = 'dev.countersign.DirectoryGroupChanged.v1'
       and data ->> 'feed' is not null order by position`,
    )
    expect(rows.map(({ data }) => data)).toMatchObject([{ seats: 'await_review' }, { seats: 'await_review' }])
  })

  it('takes nobody out who could review it', async () => {
    expect(await push('operators', 'nora')).toMatchObject({ status: '409' })
    expect(await counts('operators', 'olga')).toEqual({ counts: true, rests_on: null })
  })

  it('counts from the review of the feed on, and so does who comes by it later', async () => {
    const { openChanges } = (await ask('cora', '/v1/directory/feed')) as { openChanges: { changeId: number }[] }
    const review = { name: 'scim', upTo: openChanges.at(-1)?.changeId, reason: 'it is our provider' }
    expect(await ask('olga', '/v1/directory/feed/review', review)).toMatchObject({ code: 'own_change' })
    expect(await ask('cora', '/v1/directory/feed/review', review)).toMatchObject({ left: [] })
    expect(await counts('night-desk', 'nora')).toEqual({ counts: true, rests_on: null })
    await push('day desk', 'nora')
    expect(await counts('day-desk', 'nora')).toEqual({ counts: true, rests_on: null })
  })

  it('is put there by whoever connects it next, as if for the first time', async () => {
    const feed = { issuer: at.idp.issuer, subjectFrom: 'userName', maxAgeMs: 3_600_000, reason: 'a new credential' }
    credential = String((await ask('olga', '/v1/directory/feed', feed))['token'])
    await push('evening desk', 'nora')
    expect(await counts('evening-desk', 'nora')).toEqual({ counts: false, rests_on: at.people.olga })
    expect(await counts('day-desk', 'nora')).toEqual({ counts: true, rests_on: null })
  })
})
