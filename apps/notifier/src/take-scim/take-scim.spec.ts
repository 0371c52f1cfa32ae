import type { Problem, ReviewView } from '@countersign/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../asking.fixture.ts'
import { type Name, type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

type Body = Record<string, unknown> & { readonly id?: string; readonly Resources?: readonly Body[] }

let at: NotifierWorld
let credential = ''
const tokens = new Map<string, string>()

const ask = async <Answer>(name: Name, path: string, body?: object) => {
  const token = tokens.get(name) ?? (await at.token(name))
  tokens.set(name, token)
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer }
}
const connect = async (change: object = {}, name: Name = 'olga') =>
  ask<{ token: string; code?: string }>(name, '/v1/directory/feed', {
    issuer: at.idp.issuer,
    subjectFrom: 'userName',
    maxAgeMs: 3_600_000,
    reason: 'people are kept by the identity provider',
    ...change,
  })
const scim = async (method: string, path: string, body?: object, bearer = credential) => {
  const response = await fetch(`${at.url}/scim/v2/${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, ...(body && { 'content-type': 'application/scim+json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  return { status: response.status, type, body: (text === '' ? {} : JSON.parse(text)) as Body }
}
const patch = (path: string, ...Operations: object[]) =>
  scim('PATCH', path, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })
const user = (userName: string, more: object = {}) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName,
  displayName: `The ${userName}`,
  active: true,
  ...more,
})
const membersOf = async (id: string): Promise<string[]> => {
  const { body } = await scim('GET', `Groups/${id}`)
  return (body['members'] as { value: string }[]).map(({ value }) => value)
}
const eventsOf = async (type: string) => {
  const { rows } = await at.spec.superuser.query<{ data: Record<string, unknown> }>(
    'select data from countersign.event where type = $1 order by position',
    [`dev.countersign.${type}.v1`],
  )
  return rows.map(({ data }) => data)
}

/** A review of the notifier, and the approval of somebody who has read it. */
const tracked = async (seat = 'data-owners') => {
  const asking = await at.ask({ seats: [{ group: seat, count: 1 }] })
  await at.carry(asking)
  await until(async () => {
    const found = await at.spec.superuser.query('select from notifier.review where review_id = $1', [asking.reviewId])
    return found.rowCount === 1 ? true : undefined
  })
  return asking
}
const readBy = async (name: Name, { reviewId }: Asking) =>
  (await ask<ReviewView>(name, `/v1/reviews/${reviewId}`)).body.presentationDigest
const approve = (name: Name, { reviewId }: Asking, presentationDigest: unknown) =>
  ask<Problem & { state: string }>(name, `/v1/reviews/${reviewId}/verdicts`, { verdict: 'approve', presentationDigest })

let owners = ''
beforeAll(async () => {
  at = await startWorld()
  credential = (await connect()).body.token
  for (const name of ['ben', 'cora', 'erin'] as const) await scim('POST', 'Users', user(name))
  const members = [at.people.ben, at.people.cora].map((value) => ({ value }))
  owners = (await scim('POST', 'Groups', { displayName: 'Data Owners', members })).body.id ?? ''
})
afterAll(() => at.stop())

describe('the credential of a directory', () => {
  it('is shown once and stored as a hash; connecting is an event with who and why', async () => {
    const [event] = await eventsOf('DirectoryFeedConnected')
    expect(event).toMatchObject({ changedBy: at.people.olga, reason: 'people are kept by the identity provider' })
    const { rows } = await at.spec.superuser.query<{ row: string }>(
      'select to_jsonb(f)::text as row from countersign.directory_feed f',
    )
    expect(JSON.stringify([event, rows])).not.toContain(credential.slice(8))
    expect((await connect({}, 'ben')).body.code).toBe('not_allowed')
  })

  it.each(['', 'cs_scim_guess', 'another'])('that is "%s" opens nothing', async (bearer) => {
    expect((await scim('GET', 'Users', undefined, bearer)).status).toBe(401)
  })

  it('is no access token, and an access token is no credential', async () => {
    expect((await scim('GET', 'Users', undefined, await at.token('olga'))).status).toBe(401)
    const answer = await fetch(`${at.url}/v1/reviews`, { headers: { authorization: `Bearer ${credential}` } })
    expect(answer.status).toBe(401)
  })

  it('ends when the directory is connected again', async () => {
    const before = credential
    credential = (await connect()).body.token
    expect((await scim('GET', 'Users', undefined, before)).status).toBe(401)
    expect((await scim('GET', 'Users')).status).toBe(200)
  })

  it('of a tenant reaches nobody of another', async () => {
    const tenantId = await at.spec.addTenant('elsewhere')
    await at.spec.superuser.query(
      `insert into countersign.directory_feed (tenant_id, feed_id, issuer, subject_from, token_hash, connected_by)
       select $1, gen_random_uuid(), issuer, subject_from, sha256('cs_scim_theirs'), connected_by
       from countersign.directory_feed`,
      [tenantId],
    )
    const theirs = (method: string, path: string, body?: object) => scim(method, path, body, 'cs_scim_theirs')
    expect((await theirs('GET', 'Users')).body).toMatchObject({ totalResults: 0, Resources: [] })
    expect((await theirs('GET', `Users/${at.people.ben}`)).status).toBe(404)
    expect((await theirs('DELETE', `Groups/${owners}`)).status).toBe(404)
    const members = [{ value: at.people.ben }]
    expect((await theirs('POST', 'Groups', { displayName: 'security', members })).status).toBe(400)
    expect((await theirs('POST', 'Users', user('ben'))).body.id).not.toBe(at.people.ben)
  })
})

describe('whoever connects a directory', () => {
  const scimReview = async (name: Name) => {
    const { openChanges } = (await ask<{ openChanges: { changeId: number }[] }>('audra', '/v1/directory/feed')).body
    const upTo = openChanges.at(-1)?.changeId ?? 0
    const body = { name: 'scim', upTo, reason: 'it is our provider' }
    return (await ask<Problem & { reviewed: number[] }>(name, '/v1/directory/feed/review', body)).body
  }

  it('fills no seat into which they could push themselves, until another person has reviewed it', async () => {
    await patch(`Groups/${owners}`, { op: 'add', path: 'members', value: [{ value: at.people.olga }] })
    const asking = await tracked()
    const refused = await approve('olga', asking, await readBy('olga', asking))
    expect(refused).toMatchObject({ status: 403, body: { code: 'policy_author' } })
    expect((await scimReview('olga')).code).toBe('own_change')
    expect((await scimReview('ben')).code).toBe('not_allowed')
    await scim('POST', 'Users', user('nora'))
    await scim('POST', 'Groups', {
      displayName: 'operators',
      members: [at.people.olga, at.people.nora].map((value) => ({ value })),
    })
    expect((await scimReview('nora')).reviewed.length).toBeGreaterThan(0)
    expect(await eventsOf('DirectoryFeedReviewed')).toMatchObject([{ by: at.people.nora }])
    expect((await approve('olga', asking, await readBy('olga', asking))).body.code).toBe('policy_author')
    await at.spec.superuser.query(`update countersign.register_change set changed_at = changed_at - interval '8 days'`)
    expect((await approve('olga', asking, await readBy('olga', asking))).status).toBe(201)
    await patch(`Groups/${owners}`, { op: 'remove', path: `members[value eq "${at.people.olga}"]` })
  })

  it('is told with when it was heard of last to those who may read the directory', async () => {
    expect((await ask('audra', '/v1/directory/feed')).body).toMatchObject({
      issuer: at.idp.issuer,
      stale: false,
      maxAgeMs: 3_600_000,
      connectedBy: at.people.olga,
    })
    expect((await ask<Problem>('ben', '/v1/directory/feed')).body.code).toBe('not_allowed')
  })
})

describe('people by SCIM', () => {
  it('are registered as people of the issuer, by the same event as by an operator', async () => {
    const emails = [{ value: 'x@corp.example' }, { value: 'gil@corp.example', primary: true }]
    const { status, type, body } = await scim('POST', 'Users', user('gil', { externalId: 'okta-7', emails }))
    expect([status, type]).toEqual([201, expect.stringContaining('application/scim+json')])
    expect(body).toMatchObject({ userName: 'gil', externalId: 'okta-7', active: true, displayName: 'The gil' })
    expect((await eventsOf('DirectoryPersonRegistered')).at(-1)).toMatchObject({
      person: body.id,
      active: true,
      changedBy: null,
      seeded: false,
      feed: expect.any(String) as string,
    })
    const listed = await ask<{ people: Body[] }>('olga', '/v1/directory/people?subject=gil')
    expect(listed.body.people).toMatchObject([{ person: body.id, issuer: at.idp.issuer, email: 'gil@corp.example' }])
    expect((await scim('POST', 'Users', user('GIL'))).body).toMatchObject({ status: '409', scimType: 'uniqueness' })
  })

  it('are found by one equality, whatever its case, and any other filter is refused', async () => {
    const found = async (filter: string) => (await scim('GET', `Users?filter=${encodeURIComponent(filter)}`)).body
    expect((await found('userName eq "BEN"')).Resources).toMatchObject([{ id: at.people.ben }])
    expect((await found(`ID Eq "${at.people.ben}"`)).Resources).toHaveLength(1)
    expect((await found('externalId eq "okta-7"')).Resources).toMatchObject([{ userName: 'gil' }])
    expect(await found('userName eq "nobody"')).toMatchObject({ totalResults: 0, Resources: [] })
    for (const filter of ['userName sw "b"', 'userName eq "a" or userName eq "b"', "userName eq 'b'", 'name eq "b"'])
      expect(await found(filter)).toMatchObject({ status: '400', scimType: 'invalidFilter' })
    for (const list of ['Users?filter=userName', 'Groups?filter=displayName'])
      expect(await scim('GET', `${list}${encodeURIComponent(' eq "\\u0000"')}`)).toMatchObject({ status: 400 })
    expect((await scim('GET', 'Users?startIndex=2&count=2')).body).toMatchObject({ startIndex: 2, itemsPerPage: 2 })
  })

  it('keep the subject that they came with', async () => {
    for (const change of [
      () => patch(`Users/${at.people.ben}`, { op: 'replace', path: 'userName', value: 'cora2' }),
      () => scim('PUT', `Users/${at.people.ben}`, user('dana')),
    ])
      expect((await change()).body).toMatchObject({ status: '400', scimType: 'mutability' })
    expect((await scim('PUT', `Users/${at.people.ben}`, user('ben', { displayName: 'Ben B.' }))).body).toMatchObject({
      displayName: 'Ben B.',
      active: true,
    })
  })

  it('who want one name at the same moment are one, and nobody else may act', async () => {
    const named = (place: number) => user('jo', { externalId: `jo-${place}` })
    credential = (await connect({ subjectFrom: 'externalId' })).body.token
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((place) => scim('POST', 'Users', named(place))))
    credential = (await connect()).body.token
    const refused = answers.filter(({ status, body }) => status === 409 && body['scimType'] === 'uniqueness')
    expect(refused).toHaveLength(5)
    const { rows } = await at.spec.superuser.query<{ sub: string }>(
      `select s.sub from countersign.subject s join countersign.person p using (tenant_id, subject_id)
       where s.sub like 'jo-%' and p.active`,
    )
    const taken = answers.find(({ status }) => status === 201)?.body['externalId']
    expect(rows).toEqual([{ sub: taken }])
  })

  it('whose name another one has taken at the same moment were never registered at all', async () => {
    const before = (await eventsOf('DirectoryPersonRegistered')).length
    credential = (await connect({ subjectFrom: 'externalId' })).body.token
    const race = (name: string) =>
      Promise.all([1, 2, 3, 4].map((place) => scim('POST', 'Users', user(name, { externalId: `${name}-${place}` }))))
    const answers = (await Promise.all(['kit', 'lou', 'max'].map(race))).flat()
    credential = (await connect()).body.token
    const taken = answers.filter(({ status }) => status === 201).map(({ body }) => body.id)
    const registered = (await eventsOf('DirectoryPersonRegistered')).slice(before).map(({ person }) => person)
    expect(taken).toHaveLength(3)
    expect(registered).toHaveLength(3)
    expect(new Set(registered)).toEqual(new Set(taken))
  })

  it('who are pushed twice at the same moment are one user and conflicts', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => scim('POST', 'Users', user('twin'))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3)
  })

  it.each<[string, string, string]>([
    ['fails', 'quin', `raise exception 'no room'`],
    ['ends with the connection', 'remy', 'perform pg_terminate_backend(pg_backend_pid())'],
  ])('whose place in the list %s are not registered either, nor changed', async (_how, name, breaking) => {
    const { id: pat } = (await scim('POST', 'Users', user(`pat-${name}`, { active: false }))).body
    const before = await eventsOf('DirectoryPersonRegistered')
    await at.spec.superuser.query(`
      create function notifier.break_off() returns trigger language plpgsql security definer as
        $$ begin ${breaking}; return new; end $$;
      create trigger break_off before insert on notifier.scim_user for each row execute function notifier.break_off()`)
    expect((await scim('POST', 'Users', user(name))).status).toBeGreaterThanOrEqual(500)
    const active = { op: 'replace', path: 'active', value: true }
    expect((await patch(`Users/${pat}`, active)).status).toBeGreaterThanOrEqual(500)
    await at.spec.superuser.query('drop function notifier.break_off cascade')
    expect(await eventsOf('DirectoryPersonRegistered')).toEqual(before)
    expect((await scim('GET', `Users/${pat}`)).body).toMatchObject({ active: false })
    expect((await ask<{ people: Body[] }>('olga', `/v1/directory/people?subject=${name}`)).body.people).toEqual([])
    expect((await scim('POST', 'Users', user(name))).status).toBe(201)
  })

  it.each<[string, object]>([
    ['by the whole name', { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:active', value: false }],
    [
      'by the whole name without a path',
      { op: 'replace', value: { 'urn:ietf:params:scim:schemas:core:2.0:User:active': false } },
    ],
    ['with blanks', { op: 'replace', path: ' Active ', value: false }],
  ])('who are deactivated %s are', async (_how, operation) => {
    await patch(`Users/${at.people.erin}`, { op: 'replace', path: 'active', value: true })
    expect((await patch(`Users/${at.people.erin}`, operation)).body).toMatchObject({ active: false })
  })

  it.each<[string, object]>([
    ['a part of what has none', { op: 'replace', path: 'active.value', value: false }],
    ['what is no path', { op: 'replace', path: '"active"', value: false }],
    ['nothing', { op: 'replace', path: '', value: false }],
    ['the same twice', { op: 'replace', value: { active: true, Active: false } }],
  ])('are not said to be changed by a patch of %s', async (_what, operation) => {
    expect((await patch(`Users/${at.people.ben}`, operation)).status).toBe(400)
  })

  it.each<[string, object]>([
    ['Okta', { op: 'replace', value: { active: false } }],
    ['Microsoft Entra', { op: 'Replace', path: 'active', value: 'False' }],
    ['Microsoft Entra, older', { op: 'Replace', value: { active: 'False', 'name.givenName': 'Erin' } }],
  ])('who are deactivated as %s says it decide nothing from then on', async (_who, operation) => {
    await patch(`Users/${at.people.erin}`, { op: 'replace', path: 'active', value: true })
    const asking = await tracked('security')
    const shown = await readBy('erin', asking)
    expect((await patch(`Users/${at.people.erin}`, operation)).body).toMatchObject({ active: false })
    expect(await approve('erin', asking, shown)).toMatchObject({ status: 403, body: { code: 'person_inactive' } })
  })

  it('who are deleted leave every group, and come back without any', async () => {
    const { id = '' } = (await scim('POST', 'Users', user('hal'))).body
    const group = (await scim('POST', 'Groups', { displayName: 'on call', members: [{ value: id }] })).body.id ?? ''
    expect((await scim('DELETE', `Users/${id}`)).status).toBe(204)
    expect((await scim('GET', `Users/${id}`)).body).toMatchObject({ status: '404' })
    expect(await membersOf(group)).toEqual([])
    expect((await scim('POST', 'Users', user('hal'))).body).toMatchObject({ id, active: true })
    expect(await membersOf(group)).toEqual([])
  })
})

describe('groups by SCIM', () => {
  it('are those that rules name, taken over with the members that are sent and no others', async () => {
    expect((await membersOf(owners)).toSorted()).toEqual([at.people.ben, at.people.cora].toSorted())
    const listed = await ask<{ groups: Body[] }>('olga', '/v1/directory/groups?name=data-owners')
    expect(listed.body.groups).toMatchObject([{ members: 2, changedBy: null }])
    expect((await scim('POST', 'Groups', { displayName: 'data-owners' })).body).toMatchObject({ status: '409' })
    const renamed = await patch(`Groups/${owners}`, { op: 'replace', value: { id: owners, displayName: 'Operators' } })
    expect(renamed.body).toMatchObject({ status: '400', scimType: 'mutability' })
  })

  it('change by every dialect of a patch', async () => {
    const { id = '' } = (await scim('POST', 'Groups', { displayName: 'dialects' })).body
    const [ben, cora, erin] = [at.people.ben, at.people.cora, at.people.erin]
    const now = async (...operations: object[]) => {
      expect((await patch(`Groups/${id}`, ...operations)).status).toBe(200)
      return (await membersOf(id)).toSorted()
    }
    expect(await now({ op: 'Add', path: 'members', value: [{ value: ben }] })).toEqual([ben])
    expect(await now({ op: 'add', value: { members: [{ value: cora }] } })).toEqual([ben, cora].toSorted())
    expect(await now({ op: 'remove', path: `members[value eq "${ben}"]` })).toEqual([cora])
    expect(await now({ op: 'Remove', path: 'members', value: [{ value: cora }] })).toEqual([])
    expect(await now({ op: 'replace', path: 'members', value: [{ value: erin }, { value: ben }] })).toHaveLength(2)
    expect(
      await now(
        { op: 'remove', path: `members[value eq "${erin}"]` },
        { op: 'add', path: 'members', value: [{ value: erin }] },
      ),
    ).toHaveLength(2)
    expect(await now({ op: 'replace', value: { id, displayName: 'Dialects', members: [] } })).toEqual([])
    expect(await now({ op: 'remove', path: 'members' })).toEqual([])
    const whole = 'urn:ietf:params:scim:schemas:core:2.0:Group:members'
    expect(await now({ op: 'add', path: whole, value: [{ value: ben }, { value: cora }] })).toHaveLength(2)
    expect(await now({ op: 'remove', path: `${whole}[value eq "${ben.toUpperCase()}"]` })).toEqual([cora])
    expect(await now({ op: 'replace', path: whole, value: [] })).toEqual([])
    const part = { op: 'replace', path: 'members[display eq "x"]', value: [] }
    expect((await patch(`Groups/${id}`, part)).body).toMatchObject({ status: '400', scimType: 'invalidPath' })
    expect((await scim('GET', `Groups/${id}?excludedAttributes=members`)).body).not.toHaveProperty('members')
  })

  it('take in nobody whom the directory does not know, and say no in the words of SCIM', async () => {
    const stranger = '00000000-0000-7000-8000-000000000009'
    for (const value of [stranger, 'no-id'])
      expect((await patch(`Groups/${owners}`, { op: 'add', path: 'members', value: [{ value }] })).body).toEqual({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        status: '400',
        detail: 'A member is not a user of this directory.',
        scimType: 'invalidValue',
      })
    for (const operation of [{ op: 'copy', path: 'members' }, { path: 'members' }, { op: 'add', path: 7 }])
      expect((await patch(`Groups/${owners}`, operation)).status).toBe(400)
    expect(await membersOf(owners)).toHaveLength(2)
  })

  it('that somebody left before the click give them no seat (T07)', async () => {
    const asking = await tracked()
    const shown = await readBy('cora', asking)
    await patch(`Groups/${owners}`, { op: 'remove', path: `members[value eq "${at.people.cora}"]` })
    expect(await approve('cora', asking, shown)).toMatchObject({ status: 403, body: { code: 'not_eligible' } })
    await patch(`Groups/${owners}`, { op: 'add', path: 'members', value: [{ value: at.people.cora }] })
  })

  it('are changed by nobody else once the directory feeds the tenant; ending somebody stays possible', async () => {
    const change = { group: 'data-owners', add: [at.people.olga], reason: 'in a hurry' }
    expect((await ask<Problem>('olga', '/v1/directory/groups', change)).body.code).toBe('directory_fed')
    const person = { issuer: at.idp.issuer, subject: 'ivy', displayName: 'Ivy', reason: 'new' }
    expect((await ask<Problem>('olga', '/v1/directory/people', person)).body.code).toBe('directory_fed')
    expect((await ask('olga', '/v1/directory/people', { ...person, active: false })).status).toBe(200)
    expect(await membersOf(owners)).not.toContain(at.people.olga)
  })
})

const silence = () =>
  at.spec.superuser.query(
    `update countersign.directory_feed set seen_at = clock_timestamp() - interval '61 minutes' where tenant_id = $1`,
    [at.spec.tenantId],
  )

describe('a directory that was not heard of for too long', () => {
  it('gives no verdict, which is recorded, until any request of it comes', async () => {
    const asking = await tracked()
    const shown = await readBy('ben', asking)
    await silence()
    expect(await approve('ben', asking, shown)).toMatchObject({ status: 503, body: { code: 'directory_stale' } })
    expect(await at.attemptsNamed(asking, 'VerdictRefused')).toMatchObject([{ code: 'directory_stale' }])
    expect((await scim('GET', 'Users', undefined, 'cs_scim_guess')).status).toBe(401)
    expect((await approve('ben', asking, shown)).status).toBe(503)
    expect((await scim('GET', 'ServiceProviderConfig')).body).toMatchObject({ patch: { supported: true } })
    expect(await approve('ben', asking, shown)).toMatchObject({ status: 201, body: { state: 'approved' } })
  })

  it('counts as fresh for a tenant that demands no freshness', async () => {
    credential = (await connect({ maxAgeMs: undefined })).body.token
    await silence()
    const asking = await tracked()
    expect((await approve('ben', asking, await readBy('ben', asking))).status).toBe(201)
  })
})

describe('a directory that is disconnected', () => {
  it('ends its credential and its staleness, and is kept by operators again, of whom another one reviews that', async () => {
    const asking = await tracked()
    const shown = await readBy('ben', asking)
    await ask('olga', '/v1/directory/feed', {
      issuer: at.idp.issuer,
      subjectFrom: 'externalId',
      maxAgeMs: 3_600_000,
      reason: 'as before',
    })
    await silence()
    expect((await approve('ben', asking, shown)).body.code).toBe('directory_stale')
    const reason = 'people are kept by hand until the new provider is there'
    expect((await ask<Problem>('ben', '/v1/directory/feed/disconnect', { reason })).body.code).toBe('not_allowed')
    const ended = await ask<{ openChanges: { changeId: number }[] }>('olga', '/v1/directory/feed/disconnect', {
      reason,
    })
    expect(ended).toMatchObject({ status: 200 })
    expect(ended.body.openChanges.at(-1)).toMatchObject({ changedBy: at.people.olga, reason })
    expect(await eventsOf('DirectoryFeedDisconnected')).toMatchObject([{ changedBy: at.people.olga, reason }])
    expect((await ask<Problem>('audra', '/v1/directory/feed')).body.code).toBe('not_found')
    expect((await ask<Problem>('olga', '/v1/directory/feed/disconnect', { reason })).body.code).toBe('not_found')
    expect((await scim('GET', 'Users')).status).toBe(401)

    expect((await approve('ben', asking, shown)).status).toBe(201)
    const change = { group: 'data-owners', add: [at.people.olga], reason: 'by hand again' }
    expect((await ask('olga', '/v1/directory/groups', change)).status).toBe(200)
    const next = await tracked()
    expect((await approve('olga', next, await readBy('olga', next))).body.code).toBe('policy_author')
    const review = { name: 'scim', upTo: ended.body.openChanges.at(-1)?.changeId ?? 0, reason: 'as agreed' }
    expect((await ask<Problem>('olga', '/v1/directory/feed/review', review)).body.code).toBe('own_change')
    expect((await ask('nora', '/v1/directory/feed/review', review)).status).toBe(200)
  })
})
