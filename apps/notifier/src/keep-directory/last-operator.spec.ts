import { isRefusal } from '@countersign/contracts'
import { type EventStore, eventStore } from '@countersign/event-store'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ChangeGroup, RegisterPerson } from '../index.ts'
import { type Name, type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'

let at: NotifierWorld
beforeAll(async () => {
  at = await startWorld()
})
afterAll(() => at.stop())

const send = async (as: Name, path: string, body: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await at.token(as)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, reason: 'they leave' }),
  })
  const { code } = (await response.json()) as { code?: string }
  return code ?? response.status
}
const end = (by: Name, who: Name, how: object) =>
  send(by, '/v1/directory/people', { issuer: at.idp.issuer, subject: who, displayName: who, ...how })
const takeOut = (by: Name, who: Name) =>
  send(by, '/v1/directory/groups', { group: 'operators', add: [], remove: [at.people[who]] })

const ends: [how: string, end: (by: Name, who: Name) => Promise<string | number>][] = [
  ['being deactivated', (by, who) => end(by, who, { active: false })],
  ['being marked as shared', (by, who) => end(by, who, { kind: 'shared' })],
  ['being marked as a service', (by, who) => end(by, who, { kind: 'service' })],
  ['being taken out of the operators', takeOut],
]

const operators = async (...those: Name[]) => {
  const { superuser, tenantId } = at.spec
  await superuser.query(`update countersign.person set active = true, kind = 'human' where tenant_id = $1`, [tenantId])
  await superuser.query(`delete from countersign.group_member where tenant_id = $1 and group_name = 'operators'`, [
    tenantId,
  ])
  await superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id, counts)
     select $1, 'operators', person, true from unnest($2::uuid[]) as person`,
    [tenantId, those.map((name) => at.people[name])],
  )
}
const operates = async (name: Name): Promise<boolean> => (await end(name, 'nora', { kind: 'human' })) === 200

describe.each(ends)('by %s', (_how, ending) => {
  beforeEach(() => operators('olga'))

  it('nobody leaves a tenant that nobody else could operate, which is refused and counted', async () => {
    await at.spec.superuser.query('delete from countersign.refusal_count')
    expect(await ending('olga', 'olga')).toBe('last_operator')
    const { rows } = await at.spec.superuser.query('select source, code, total from countersign.refusal_count')
    expect(rows).toEqual([{ source: `person/${at.people.olga}`, code: 'last_operator', total: '1' }])
    expect(await operates('olga')).toBe(true)
  })

  it.each([
    ['who does not count yet', `update countersign.group_member set counts = false where subject_id = $1`],
    ['who is not active', `update countersign.person set active = false where subject_id = $1`],
    ['whom nobody can tell from others', `update countersign.person set kind = 'shared' where subject_id = $1`],
  ])('nobody leaves it to somebody %s', async (_who, change) => {
    await operators('olga', 'erin')
    await at.spec.superuser.query(change, [at.people.erin])
    expect(await ending('olga', 'olga')).toBe('last_operator')
  })

  it('operators leave it to another one, and others leave as they like', async () => {
    await operators('olga', 'erin')
    expect(await ending('olga', 'nora')).toBe(200)
    expect(await ending('olga', 'olga')).toBe(200)
    expect([await operates('olga'), await operates('erin')]).toEqual([false, true])
  })
})

const codeOf = (outcome: object): string => (isRefusal(outcome) ? outcome.code : 'done')

describe('two operators', () => {
  beforeAll(async () => {
    await at.stop()
    at = await startWorld()
    expect(await send('olga', '/v1/directory/groups', { group: 'operators', add: [at.people.erin] })).toBe(200)
  })
  beforeEach(() => operators('olga', 'erin'))

  const deactivate = (store: EventStore, by: Name, who: Name) => {
    const { tenantId } = at.spec
    const person = { issuer: at.idp.issuer, subject: who, displayName: who, active: false }
    const people = new RegisterPerson(at.spec.poolOf('notifier'), store)
    return people.admit({ tenantId, ...person, changedBy: at.people[by], seeded: false })
  }
  const remove = (store: EventStore, by: Name, who: Name) => {
    const change = { tenantId: at.spec.tenantId, group: 'operators', add: [], remove: [at.people[who]] }
    return new ChangeGroup(store).handle({ ...change, changedBy: at.people[by], seeded: false })
  }

  it.each([
    ['', deactivate],
    [', each in another way', remove],
  ])('who take each other out in the same moment leave one of them%s', async (_how, takesOut) => {
    const { superuser } = at.spec
    const another = eventStore(at.spec.poolOf('notifier'), { metadata: { service: 'notifier' } })
    // Neither can write before both have been asked.
    const holder = await superuser.connect()
    await holder.query('begin; lock table countersign.group_member, countersign.person in share mode')
    const both = Promise.all([deactivate(at.stores.notifier, 'erin', 'olga'), takesOut(another, 'olga', 'erin')])
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await vi.waitFor(async () => expect((await superuser.query(waiting)).rowCount).toBe(2), { timeout: 20_000 })
    await holder.query('rollback')
    holder.release()
    expect((await both).map(codeOf).toSorted((one, other) => one.localeCompare(other))).toEqual([
      'done',
      'last_operator',
    ])
  })
})
