import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'

/** A directory of 300 people who push themselves into one group. */
const crowd = 300
let at: NotifierWorld
let credential = ''
let people: string[] = []
beforeAll(async () => {
  at = await startWorld()
  const response = await fetch(`${at.url}/v1/directory/feed`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await at.token('olga')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ issuer: at.idp.issuer, subjectFrom: 'userName', reason: 'kept by the provider' }),
  })
  credential = String(((await response.json()) as Body)['token'])
  const { rows } = await at.spec.superuser.query<{ subject_id: string }>(
    `insert into countersign.person (tenant_id, subject_id, display_name, active)
     select $1, gen_random_uuid(), 'Number ' || n, true from generate_series(1, $2) as n returning subject_id`,
    [at.spec.tenantId, crowd],
  )
  people = rows.map((row) => row.subject_id)
})
afterAll(() => at.stop())
afterEach(() => heals())

type Body = Record<string, unknown> & { readonly id?: string }
const scim = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${at.url}/scim/v2/${path}`, {
    method,
    headers: { authorization: `Bearer ${credential}`, ...(body && { 'content-type': 'application/scim+json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
}
const groupOf = (displayName: string, members: readonly string[], more: object = {}) => ({
  displayName,
  members: members.map((value) => ({ value })),
  ...more,
})
const events = async () => {
  const { rows } = await at.spec.superuser.query<{ count: string }>('select count(*) from countersign.event')
  return Number(rows[0]?.count)
}
const membersOf = async (group: string) => {
  const { rows } = await at.spec.superuser.query<{ subject_id: string }>(
    'select subject_id from countersign.group_member where group_name = $1 order by subject_id',
    [group],
  )
  return rows.map((row) => row.subject_id)
}

type Way = 'fails' | 'loses its connection'
/** Breaks off whoever comes to a row, and, as after a kill, lets nobody tidy up. */
const breaksAt = async (way: Way, when: string, table: string, condition = 'true') => {
  const breaking = way === 'fails' ? `raise exception 'no room'` : 'perform pg_terminate_backend(pg_backend_pid())'
  await at.spec.superuser.query(`
    create function notifier.break_off() returns trigger language plpgsql security definer as
      $$ begin if ${condition} then ${breaking}; end if; return coalesce(new, old); end $$;
    create function notifier.tidy_nothing() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$;
    create trigger break_off before ${when} on ${table} for each row execute function notifier.break_off();
    create trigger tidy_nothing before delete on notifier.scim_group for each row execute function notifier.tidy_nothing()`)
}
const heals = () =>
  at.spec.superuser.query(
    'drop function if exists notifier.break_off cascade; drop function if exists notifier.tidy_nothing cascade',
  )
const beyondTheFirstEvent =
  '(select count(*) from countersign.group_member m where m.group_name = new.group_name) >= 256'

describe.each<[Way]>([['fails'], ['loses its connection']])('when the store %s between two rows', (way) => {
  const named = (name: string) => `${name} ${way === 'fails' ? 'one' : 'two'}`
  const ruleName = (name: string) => named(name).replaceAll(' ', '-')

  it.each([
    ['leaves a group', 'delete', 'countersign.group_member', 'true'],
    ['leaves the list', 'update', 'notifier.scim_user', 'new.deleted_at is not null'],
  ])('a user who %s is not deleted by half', async (how, when, table, condition) => {
    const userName = `${how} ${way}`
    const { id = '' } = (await scim('POST', 'Users', { userName })).body
    const groups = [named(`${how} desk`), named(`${how} night`)]
    for (const group of groups) expect((await scim('POST', 'Groups', groupOf(group, [id]))).status).toBe(201)
    const before = await events()
    await breaksAt(way, when, table, condition)
    expect((await scim('DELETE', `Users/${id}`)).status).toBeGreaterThanOrEqual(500)
    await heals()
    expect(await events()).toBe(before)
    expect((await scim('GET', `Users/${id}`)).body).toMatchObject({ active: true, userName })
    for (const group of groups) expect(await membersOf(group.replaceAll(' ', '-'))).toEqual([id])

    expect((await scim('DELETE', `Users/${id}`)).status).toBe(204)
    expect((await scim('GET', `Users/${id}`)).status).toBe(404)
    for (const group of groups) expect(await membersOf(group.replaceAll(' ', '-'))).toEqual([])
  })

  it('a new group of more people than an event tells is not there by half, nor is its name taken', async () => {
    const before = await events()
    await breaksAt(way, 'insert', 'countersign.group_member', beyondTheFirstEvent)
    expect((await scim('POST', 'Groups', groupOf(named('crowd'), people))).status).toBeGreaterThanOrEqual(500)
    await heals()
    expect(await events()).toBe(before)
    expect(await membersOf(ruleName('crowd'))).toEqual([])

    expect((await scim('POST', 'Groups', groupOf(named('crowd'), people))).status).toBe(201)
    expect(await membersOf(ruleName('crowd'))).toEqual(people.toSorted())
  })

  it('a group whose members are replaced keeps its description and those of before', async () => {
    const [first = '', second = ''] = people
    const { id } = (await scim('POST', 'Groups', groupOf(named('shift'), [first], { externalId: 'a' }))).body
    await breaksAt(way, 'insert', 'countersign.group_member')
    const other = groupOf(named('shift'), [second], { externalId: 'b' })
    expect((await scim('PUT', `Groups/${id}`, other)).status).toBeGreaterThanOrEqual(500)
    await heals()
    expect((await scim('GET', `Groups/${id}`)).body).toMatchObject({ externalId: 'a', members: [{ value: first }] })
    expect((await scim('PUT', `Groups/${id}`, other)).body).toMatchObject({
      externalId: 'b',
      members: [{ value: second }],
    })
  })

  it('a group that is deleted keeps its members', async () => {
    const [first = ''] = people
    const { id } = (await scim('POST', 'Groups', groupOf(named('gone'), [first]))).body
    await breaksAt(way, 'delete', 'notifier.scim_group')
    expect((await scim('DELETE', `Groups/${id}`)).status).toBeGreaterThanOrEqual(500)
    await heals()
    expect(await membersOf(ruleName('gone'))).toEqual([first])
    expect((await scim('DELETE', `Groups/${id}`)).status).toBe(204)
    expect(await membersOf(ruleName('gone'))).toEqual([])
  })
})

describe('a group that is pushed', () => {
  it('twice at the same moment is one group and conflicts', async () => {
    const [first = ''] = people
    const answers = await Promise.all([1, 2, 3, 4].map(() => scim('POST', 'Groups', groupOf('twins', [first]))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3)
    expect(await membersOf('twins')).toEqual([first])
  })

  it('is told in events that each name 256 people at most, whoever leaves and whoever comes', async () => {
    const { id } = (await scim('POST', 'Groups', groupOf('halves', people.slice(0, 150)))).body
    expect((await scim('PUT', `Groups/${id}`, groupOf('halves', people.slice(150)))).status).toBe(200)
    expect(await membersOf('halves')).toEqual(people.slice(150).toSorted())
    const { rows } = await at.spec.superuser.query<{ sizes: number }>(
      `select jsonb_array_length(data->'added') + jsonb_array_length(data->'removed') as sizes from
       (select data::jsonb from countersign.event where type = 'dev.countersign.DirectoryGroupChanged.v1'
         and data::jsonb->>'group' = 'halves' order by position) as e`,
    )
    expect(rows.map(({ sizes }) => sizes)).toEqual([150, 256, 44])
  })
})

describe('a user who is deleted', () => {
  it('keeps the name by which they are known, and loses nothing else that happened meanwhile', async () => {
    const { id = '' } = (await scim('POST', 'Users', { userName: 'vera', displayName: 'Vera Voss' })).body
    expect((await scim('POST', 'Groups', groupOf('movers', [id]))).status).toBe(201)
    const pushes = people.slice(0, 4).map((person) => scim('POST', 'Groups', groupOf(`of ${person}`, [id])))
    const [deleted] = await Promise.all([scim('DELETE', `Users/${id}`), ...pushes])
    expect(deleted?.status).toBe(204)
    const { rows } = await at.spec.superuser.query(
      'select display_name, active from countersign.person where subject_id = $1',
      [id],
    )
    expect(rows).toEqual([{ display_name: 'Vera Voss', active: false }])
    expect(await membersOf('movers')).toEqual([])
  })

  it('leaves every group, also more of them than one append takes', async () => {
    const { id = '' } = (await scim('POST', 'Users', { userName: 'otto' })).body
    await at.spec.superuser.query(
      `with made as (insert into countersign.directory_group (tenant_id, name, seeded)
         select $1, 'many-' || n, true from generate_series(1, 850) as n returning tenant_id, name)
       insert into countersign.group_member (tenant_id, group_name, subject_id) select tenant_id, name, $2 from made`,
      [at.spec.tenantId, id],
    )
    expect((await scim('DELETE', `Users/${id}`)).status).toBe(204)
    expect((await scim('GET', `Users/${id}`)).status).toBe(404)
    const { rows } = await at.spec.superuser.query(
      `select active, (select count(*)::integer from countersign.group_member m where m.subject_id = p.subject_id) as groups,
         (select count(*)::integer from countersign.event where type = 'dev.countersign.DirectoryGroupChanged.v1'
           and data::jsonb->'removed' = jsonb_build_array($1::text)) as told,
         (select count(*)::integer from countersign.event where type = 'dev.countersign.DirectoryPersonRegistered.v1'
           and data::jsonb->>'person' = $1 and data::jsonb->'active' = 'false') as ended
       from countersign.person p where subject_id = $1::uuid`,
      [id],
    )
    expect(rows).toEqual([{ active: false, groups: 0, told: 850, ended: 1 }])
  })
})
