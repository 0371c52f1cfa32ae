import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Name, names, type NotifierWorld, startWorld, until } from '../notifier-world.fixture.ts'

let at: NotifierWorld
const tokens = new Map<string, string>()
beforeAll(async () => {
  at = await startWorld()
  for (const name of ['ben', 'olga', 'audra', 'erin'] as const) tokens.set(name, await at.token(name))
})
afterAll(() => at.stop())

const ask = async (name: Name, path: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tokens.get(name)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> }
}
type Listed = { people: Record<string, unknown>[]; groups: Record<string, unknown>[]; next?: string }
const listed = async (path: string, name: Name = 'audra') => (await ask(name, path)).answer as unknown as Listed
const eventsOf = async (type: string) => {
  const { rows } = await at.spec.superuser.query<{ data: Record<string, unknown> }>(
    'select data from countersign.event where type = $1 order by position',
    [`dev.countersign.${type}.v1`],
  )
  return rows.map(({ data }) => data)
}

describe('the directory', () => {
  it('shows people by issuer and subject, with their groups, page by page', async () => {
    const seen: string[] = []
    for (let next = '', first = true; first || next !== ''; first = false) {
      const page = await listed(`/v1/directory/people?limit=4${next}`, 'olga')
      seen.push(...page.people.map(({ subject }) => String(subject)))
      next = page.next === undefined ? '' : `&after=${page.next}`
    }
    expect(seen.toSorted((a, b) => a.localeCompare(b))).toEqual([...names].sort((a, b) => a.localeCompare(b)))
    const issuer = encodeURIComponent(at.idp.issuer)
    expect((await listed(`/v1/directory/people?subject=ben&issuer=${issuer}`)).people).toEqual([
      {
        person: at.people.ben,
        issuer: at.idp.issuer,
        subject: 'ben',
        displayName: 'Ben',
        active: true,
        groups: ['data-owners'],
      },
    ])
    expect((await listed('/v1/directory/people?group=auditors')).people).toHaveLength(1)
    expect((await listed('/v1/directory/people?subject=ben&issuer=https://other.example')).people).toEqual([])
  })

  it('shows groups, and to nobody who neither operates nor audits', async () => {
    expect((await listed('/v1/directory/groups?name=data-owners')).groups).toMatchObject([
      { name: 'data-owners', members: 3, seeded: true, openChanges: [] },
    ])
    for (const path of ['/v1/directory/groups', '/v1/directory/people'])
      expect(await ask('ben', path)).toMatchObject({ status: 403, answer: { code: 'not_allowed' } })
  })

  it('keeps why it was changed, and refuses a reason that holds a secret', async () => {
    const body = { issuer: at.idp.issuer, subject: 'gil', displayName: 'Gil', reason: 'joined the desk' }
    expect((await ask('olga', '/v1/directory/people', body)).status).toBe(200)
    expect((await eventsOf('DirectoryPersonRegistered')).at(-1)).toMatchObject({
      reason: 'joined the desk',
      changedBy: at.people.olga,
    })
    const secret = { ...body, subject: 'hal', reason: `AKIA${'ABCDEFGHIJ234567'}` }
    expect((await ask('olga', '/v1/directory/people', secret)).answer).toMatchObject({ code: 'secret_in_field' })
  })
})

describe('a change of a group', () => {
  const review = (name: Name, upTo: unknown) =>
    ask(name, '/v1/directory/groups/review', { name: 'on-call', upTo, reason: 'as agreed' })

  it('is open until another person has reviewed it; nobody reviews their own', async () => {
    const change = { group: 'on-call', add: [at.people.ben], reason: 'week 48' }
    expect((await ask('olga', '/v1/directory/groups', change)).status).toBe(200)
    const [group] = (await listed('/v1/directory/groups?name=on-call')).groups
    const open = group?.['openChanges'] as { changeId: number }[]
    expect(open).toMatchObject([{ changedBy: at.people.olga, reason: 'week 48' }])
    const upTo = open[0]?.changeId
    expect((await review('olga', upTo)).answer).toMatchObject({ code: 'own_change' })
    expect((await review('ben', upTo)).answer).toMatchObject({ code: 'not_allowed' })
    await ask('olga', '/v1/directory/groups', { group: 'operators', add: [at.people.erin], reason: 'a second one' })
    expect((await review('erin', upTo)).answer).toEqual({ name: 'on-call', reviewed: [upTo], left: [] })
    expect(await eventsOf('DirectoryReviewed')).toEqual([
      { group: 'on-call', changes: [upTo], by: at.people.erin, reason: 'as agreed', word: at.people.olga },
    ])
    expect((await listed('/v1/directory/groups?name=on-call')).groups).toMatchObject([{ openChanges: [], members: 1 }])
  })
})

describe('an operator who seats somebody', () => {
  it('does not get a yes to what is their own from them, until another person has reviewed that', async () => {
    const group = 'seated'
    const change = { group, add: [at.people.erin], remove: [], reason: 'on call' }
    expect((await ask('olga', '/v1/directory/groups', change)).status).toBe(200)
    const decide = async (owner: Name) => {
      const { reviewId, ...asking } = await at.ask({
        owners: [at.people[owner]],
        seats: [{ group, count: 1 }],
      })
      await at.carry({ reviewId, ...asking })
      const path = `/v1/reviews/${reviewId}`
      const shown = await until(async () => {
        const read = await ask('erin', path)
        return read.status === 200 ? read.answer : undefined
      })
      const verdict = { verdict: 'approve', presentationDigest: shown['presentationDigest'] }
      return (await ask('erin', `${path}/verdicts`, verdict)).answer['code'] ?? 'ok'
    }
    expect(await decide('olga')).toBe('seated_by_party')
    expect(await decide('dana')).toBe('ok')
    await at.spec.superuser.query(
      `update countersign.register_change set reviewed_by = $1, reviewed_at = clock_timestamp()
       where register = 'directory_group' and name = $2`,
      [at.people.cora, group],
    )
    expect(await decide('olga')).toBe('ok')
  })
})

describe('an operator who links two people', () => {
  it('takes from both what one of them may not approve, and gives neither anything of the other’s', async () => {
    const body = { people: [at.people.ben, at.people.dana], same: true, reason: 'the same at both firms' }
    expect((await ask('ben', '/v1/directory/people/link', body)).answer).toMatchObject({ code: 'not_allowed' })
    const decide = async (name: 'ben' | 'erin') => {
      const { reviewId, ...asking } = await at.ask()
      await at.carry({ reviewId, ...asking })
      const path = `/v1/reviews/${reviewId}`
      const shown = await until(async () => {
        const read = await ask(name, path)
        return read.status === 200 ? read.answer : undefined
      })
      const verdict = { verdict: 'approve', presentationDigest: shown['presentationDigest'] }
      return (await ask(name, `${path}/verdicts`, verdict)).answer['code'] ?? 'ok'
    }
    expect(await decide('ben')).toBe('ok')
    const groupsOf = async () => (await listed(`/v1/directory/people?person=${at.people.ben}`)).people[0]?.['groups']
    const before = await groupsOf()
    expect((await ask('olga', '/v1/directory/people/link', body)).answer).toMatchObject({ state: 'linked' })
    expect(await decide('ben')).toBe('owner_of_agent')
    expect(await groupsOf()).toEqual(before)
    const apart = { ...body, same: false }
    expect((await ask('olga', '/v1/directory/people/link', apart)).answer).toMatchObject({ state: 'parting' })
    expect((await ask('olga', '/v1/directory/people/link', apart)).answer).toMatchObject({ code: 'own_change' })
    expect(await decide('ben')).toBe('owner_of_agent')
  })
})
