import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'

/** Olga is an operator, and by what others marked since a shared account. */
let at: NotifierWorld
let token = ''
beforeAll(async () => {
  at = await startWorld()
  token = await at.token('olga')
})
afterAll(() => at.stop())

const nowhere = '01a206af-3e45-7055-8f47-f71248a5432f'
const because = { reason: 'it is on the list' }
const ask = async (path: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) }
}
const counted = async () => {
  const { rows } = await at.spec.superuser.query<{ code: string; total: string }>(
    'select code, total from countersign.refusal_count where source = $1',
    [`person/${at.people.olga}`],
  )
  return rows
}

const acts: readonly [path: string, body: (world: NotifierWorld) => object][] = [
  ['/v1/directory/people', ({ idp }) => ({ issuer: idp.issuer, subject: 'new', displayName: 'New', ...because })],
  [
    '/v1/directory/people',
    ({ idp }) => ({ issuer: idp.issuer, subject: 'ben', displayName: 'Ben', active: false, ...because }),
  ],
  ['/v1/directory/people/link', ({ people }) => ({ people: [people.ben, people.erin], same: true, ...because })],
  ['/v1/directory/groups', ({ people }) => ({ group: 'desk', add: [people.nora], remove: [], ...because })],
  ['/v1/directory/groups/review', () => ({ name: 'desk', upTo: 1, ...because })],
  ['/v1/directory/feed', ({ idp }) => ({ issuer: idp.issuer, subjectFrom: 'userName', ...because })],
  ['/v1/directory/feed/review', () => ({ name: 'scim', upTo: 1, ...because })],
  ['/v1/directory/feed/disconnect', () => because],
  ['/v1/accounts', ({ people }) => ({ provider: 'slack', teamId: 'T0', userId: 'U0', person: people.nora })],
  [`/v1/accounts/${nowhere}/unlink`, () => because],
]

describe.each(['shared', 'service'])('an operator whose account is marked %s', (kind) => {
  beforeEach(() =>
    at.spec.superuser.query('update countersign.person set kind = $2 where subject_id = $1', [at.people.olga, kind]),
  )

  it.each(acts)('is nobody who may ask for %s: refused, and counted as theirs', async (path, body) => {
    await at.spec.superuser.query('delete from countersign.refusal_count')
    expect(await ask(path, body(at))).toMatchObject({ status: 403, code: 'not_human' })
    expect(await counted()).toEqual([{ code: 'not_human', total: '1' }])
  })

  it('reads what operators read', async () => {
    for (const path of ['/v1/directory/people', '/v1/directory/groups'])
      expect(await ask(path), path).toMatchObject({ status: 200 })
    expect(await ask('/v1/directory/feed')).toMatchObject({ code: 'not_found' })
  })
})
