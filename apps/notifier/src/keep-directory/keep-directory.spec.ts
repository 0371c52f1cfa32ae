import { eventStore, personOf, readStanding, withTenants } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { subjectCommitment } from '@countersign/redaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LinkAccount } from '../link-account/link-account.handler.ts'
import { ChangeGroup } from './change-group.handler.ts'
import { LinkPeople } from './link-people.handler.ts'
import { RegisterPerson } from './register-person.handler.ts'

const issuer = 'https://idp.example'
let spec: SpecStore
let people: RegisterPerson
let groups: ChangeGroup
let accounts: LinkAccount

beforeAll(async () => {
  spec = await freshStore()
  const pool = spec.poolOf('notifier')
  const store = eventStore(pool, { metadata: { service: 'notifier' } })
  people = new RegisterPerson(pool, store)
  groups = new ChangeGroup(store)
  accounts = new LinkAccount(store)
})
afterAll(() => spec.drop())

const seed = () => ({ tenantId: spec.tenantId, seeded: true, changedBy: null }) as const
const by = (changedBy: string) => ({ tenantId: spec.tenantId, seeded: false, changedBy }) as const
const person = (subject: string) =>
  people.handle({ ...seed(), issuer, subject, displayName: `The ${subject}`, active: true })
const eventsOf = async (type: string) => {
  const { rows } = await spec.superuser.query<{ data: Record<string, unknown> }>(
    'select data from countersign.event where type = $1 order by position',
    [`dev.countersign.${type}.v1`],
  )
  return rows.map(({ data }) => data)
}
const tx = <T>(work: Parameters<typeof withTenants<T>>[2]) =>
  withTenants(spec.poolOf('notifier'), [spec.tenantId], work)

describe('the directory', () => {
  it('registers a person under one subject id, introduced by its commitment, also when asked at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => person('ada')))
    expect(new Set(answers.map((answer) => answer.person)).size).toBe(1)
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1)
    const [event, ...more] = await eventsOf('DirectoryPersonRegistered')
    expect(more).toEqual([])
    const { rows } = await spec.superuser.query<{ salt: Buffer }>('select salt from countersign.subject')
    const commitment = subjectCommitment(rows[0]?.salt.toString('base64url') ?? '', issuer, 'ada')
    expect(event?.subjects).toEqual([{ subjectId: answers[0]?.person, commitment }])
    expect(JSON.stringify(event)).not.toContain('The ada')
    expect(await personOf(spec.poolOf('notifier'), { issuer, subject: 'ada' })).toMatchObject({ groups: [] })
  })

  it('no longer knows somebody who was made inactive, and seeding does not bring them back', async () => {
    const { person: id } = await person('eve')
    const change = { issuer, subject: 'eve', displayName: 'Eve', active: false }
    expect(await people.handle({ ...by(id), ...change })).toEqual({ person: id, changed: true })
    expect(await person('eve')).toEqual({ person: id, changed: false })
    expect(await personOf(spec.poolOf('notifier'), { issuer, subject: 'eve' })).toBeUndefined()
  })

  it('keeps groups by events, whatever order and repetition people come in', async () => {
    const [ada, bo] = [(await person('ada')).person, (await person('bo')).person]
    const group = 'data-owners'
    expect(await groups.handle({ ...seed(), group, add: [ada], remove: [] })).toMatchObject({ changed: true })
    expect(await groups.handle({ ...seed(), group, add: [bo, ada, bo], remove: [] })).toMatchObject({
      members: [ada, bo],
    })
    expect(await groups.handle({ ...seed(), group, add: [bo], remove: [] })).toMatchObject({ changed: false })
    expect(await eventsOf('DirectoryGroupChanged')).toMatchObject([{ added: [ada] }, { added: [bo], seeded: true }])
    expect(await personOf(spec.poolOf('notifier'), { issuer, subject: 'bo' })).toMatchObject({ groups: [group] })
  })

  it('names whoever changed a group as unreviewed author, which seeding neither is nor undoes', async () => {
    const [ada, bo] = [(await person('ada')).person, (await person('bo')).person]
    const group = 'security'
    await groups.handle({ ...seed(), group, add: [ada, bo], remove: [] })
    const question = {
      tenantId: spec.tenantId,
      agent: 'x',
      producer: 'x',
      parentAgents: [],
      groups: [group],
      people: [ada, bo],
      askedAt: null,
    }
    const before = await tx((client) => readStanding(client, [question]))
    expect(before[0]?.unreviewedAuthors).toEqual([])
    await groups.handle({ ...by(ada), group, add: [], remove: [bo] })
    await groups.handle({ ...seed(), group, add: [bo], remove: [] })
    const [after] = await tx((client) => readStanding(client, [question]))
    expect(after?.unreviewedAuthors).toEqual([ada])
    expect(after?.groupsOf.get(bo)).toEqual(['data-owners'])
  })

  it('tells who was in a group when a review was asked for, and who has left it a moment ago', async () => {
    const [ada, bo, cy] = [(await person('ada')).person, (await person('bo')).person, (await person('cy')).person]
    const group = 'on-call'
    await groups.handle({ ...seed(), group, add: [ada, bo], remove: [] })
    // Some milliseconds on both sides: times are kept to the millisecond.
    const { rows } = await spec.superuser.query<{ now: Date }>(
      `select clock_timestamp() + interval '5 ms' as now from pg_sleep(0.01)`,
    )
    const askedAt = rows[0]?.now.toISOString() ?? ''
    await spec.superuser.query('select pg_sleep(0.01)')
    await groups.handle({ ...by(ada), group, add: [cy], remove: [bo] })
    await groups.handle({ ...by(ada), group, add: [bo], remove: [] })
    await spec.superuser.query(
      `insert into countersign.agent (tenant_id, name, subject_id, kind, producer, owner_group, seeded)
       values ($1, 'of-a-group', gen_random_uuid(), 'agent', 'etl', $2, true)`,
      [spec.tenantId, group],
    )
    const question = { tenantId: spec.tenantId, producer: 'etl', groups: [group], people: [ada, bo, cy], askedAt }
    const asked = (agent: string, parentAgents: string[]) =>
      tx((client) => readStanding(client, [{ ...question, agent, parentAgents }]))
    const [standing] = await asked('x', [])
    expect([ada, bo, cy].map((one) => standing?.groupsOf.get(one)?.includes(group))).toEqual([true, true, true])
    expect([ada, bo, cy].map((one) => standing?.heldWhenAsked.get(one)?.includes(group))).toEqual([true, false, false])
    expect(standing?.owners).toEqual([])
    // The group owns an agent that the request passed through: its members own it, who left it too.
    await groups.handle({ ...by(ada), group, add: [], remove: [cy] })
    expect((await asked('x', ['of-a-group']))[0]?.owners.toSorted()).toEqual([ada, bo, cy].toSorted())
    // And so does whoever owned it before it changed hands.
    await spec.superuser.query(
      `update countersign.agent set owner_group = null, owner_subject_id = $2 where tenant_id = $1 and name = 'of-a-group'`,
      [spec.tenantId, ada],
    )
    expect((await asked('of-a-group', []))[0]?.owners.toSorted()).toEqual([ada, bo, cy].toSorted())
  })

  it('takes nobody into a group who is not in the directory', async () => {
    const stranger = '00000000-0000-7000-8000-000000000009'
    const { person: ada } = await person('ada')
    const outcome = await groups.handle({ ...seed(), group: 'new-group', add: [ada, stranger], remove: [] })
    expect(outcome).toMatchObject({ code: 'invalid_request', pointer: '/add/1' })
  })
})

describe('an account', () => {
  it('belongs to the first person it was linked to and never to another one', async () => {
    const [ada, bo] = [(await person('ada')).person, (await person('bo')).person]
    const account = { provider: 'slack', teamId: 'T1', userId: 'U1' }
    const linked = await accounts.handle({ ...seed(), ...account, person: ada })
    expect(linked).toMatchObject({ person: ada, changed: true })
    expect(await accounts.handle({ ...seed(), ...account, person: ada })).toMatchObject({ changed: false })
    expect(await accounts.handle({ ...by(bo), ...account, person: bo })).toMatchObject({ code: 'account_taken' })
    expect(await accounts.handle({ ...by(bo), ...account, teamId: 'T2', person: bo })).toMatchObject({ changed: true })
    const events = await eventsOf('AccountLinked')
    expect(events).toMatchObject([{ person: ada }, { person: bo }])
    expect(JSON.stringify(events)).not.toMatch(/"[TU][12]"/)
  })

  it('goes to one of those who link it at the same moment', async () => {
    const everybody = await Promise.all(['ada', 'bo', 'cy', 'di'].map(person))
    const account = { provider: 'slack', teamId: 'T1', userId: 'U9' }
    const answers = await Promise.all(
      everybody.map(({ person: id }) => accounts.handle({ ...seed(), ...account, person: id })),
    )
    expect(answers.filter((answer) => 'changed' in answer && answer.changed)).toHaveLength(1)
    expect(answers.filter((answer) => 'refused' in answer && answer.code === 'account_taken')).toHaveLength(3)
  })

  it('is not linked to somebody who is not active in the directory', async () => {
    const account = { provider: 'slack', teamId: 'T1', userId: 'U7' }
    const nobody = '00000000-0000-7000-8000-000000000009'
    expect(await accounts.handle({ ...seed(), ...account, person: nobody })).toMatchObject({ code: 'person_inactive' })
  })
})

describe('people of the directory who are one natural person', () => {
  const same = async (one: string, other: string, changedBy: string, isSame = true) => {
    const links = new LinkPeople(eventStore(spec.poolOf('notifier'), { metadata: { service: 'notifier' } }))
    const reason = 'the same at both firms'
    const told = await links.handle({
      tenantId: spec.tenantId,
      people: [one, other],
      same: isSame,
      changedBy,
      reason,
    })
    return 'refused' in told ? told.code : told.state
  }
  const known = async (...asked: string[]) => {
    const empty = { agent: 'x', producer: 'x', parentAgents: [], groups: [], askedAt: null }
    const question = { tenantId: spec.tenantId, people: asked, ...empty }
    const [standing] = await tx((client) => readStanding(client, [question]))
    return Object.fromEntries(standing?.alsoKnownAs ?? [])
  }
  const four = async () =>
    (await Promise.all(['la', 'lb', 'lc', 'ld'].map(person))).map((registered) => registered.person) as [
      string,
      string,
      string,
      string,
    ]

  it('are known as each other over any number of links, in either order, and nobody else is', async () => {
    const [a, b, c, d] = await four()
    expect(await known(a, b)).toEqual({})
    expect(await same(b, a, d)).toBe('linked')
    expect(await same(b, c, d)).toBe('linked')
    expect(await same(a, b, d)).toBe('linked')
    expect(await known(a, c, d)).toEqual({ [a]: [b, c].toSorted(), [c]: [a, b].toSorted() })
    expect(await eventsOf('DirectoryPeopleLinked')).toEqual([
      { people: [a, b].toSorted(), state: 'linked', changedBy: d, reason: 'the same at both firms' },
      { people: [b, c].toSorted(), state: 'linked', changedBy: d, reason: 'the same at both firms' },
    ])
  })

  it('stay one until two operators who are neither of them have parted them', async () => {
    const [a, b, c, d] = await four()
    expect(await same(a, b, a, false)).toBe('own_change')
    expect(await same(a, b, d, false)).toBe('parting')
    expect(await same(a, b, d, false)).toBe('own_change')
    expect(await same(a, b, b, false)).toBe('own_change')
    expect(await known(a)).toEqual({ [a]: [b, c].toSorted() })
    expect(await same(a, b, c, false)).toBe('apart')
    expect(await known(a, b)).toEqual({ [b]: [c] })
    expect(await same(a, b, c, false)).toBe('apart')
    const states = (await eventsOf('DirectoryPeopleLinked')).map(({ state }) => state)
    expect(states).toEqual(['linked', 'linked', 'parting', 'apart'])
  })

  it('are people of this directory, and two', async () => {
    const [a, , , d] = await four()
    expect(await same(a, '00000000-0000-7000-8000-000000000009', d)).toBe('not_found')
    expect(await same(a, a, d)).toBe('invalid_request')
  })
})
