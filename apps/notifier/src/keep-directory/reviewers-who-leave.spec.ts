import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Name, type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'
import { ReviewGroup } from './review-group.handler.ts'

/** Olga is an operator and the only one beside Cora who could review; Nora and Erin are whom she seats. */
let at: NotifierWorld
const tokens = new Map<string, string>()
let groupsMade = 0
let group = ''
beforeAll(async () => {
  at = await startWorld()
  for (const name of ['cora', 'olga'] as const) tokens.set(name, await at.token(name))
})
afterAll(() => at.stop())
beforeEach(async () => {
  groupsMade += 1
  group = `desk-${groupsMade}`
  const { superuser, tenantId } = at.spec
  await registers('cora', { active: true, kind: 'human' })
  await superuser.query(
    `delete from countersign.group_member where group_name in ('operators', 'security-admins') and subject_id <> $1`,
    [at.people.olga],
  )
  await superuser.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id) values ($1, 'security-admins', $2)`,
    [tenantId, at.people.cora],
  )
  await superuser.query('delete from countersign.former_member')
})

type Answer = Record<string, unknown> & { readonly openChanges?: { readonly changeId: number }[] }
const ask = async (name: Name, path: string, body?: object) => {
  const response = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tokens.get(name)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Answer
}
const seats = (name: Name, of = group) =>
  ask('olga', '/v1/directory/groups', { group: of, add: [at.people[name]], remove: [], reason: 'on call' })
const unseats = (name: Name, of: string) =>
  ask('olga', '/v1/directory/groups', { group: of, add: [], remove: [at.people[name]], reason: 'left' })
const registers = (subject: Name, more: object) =>
  ask('olga', '/v1/directory/people', {
    issuer: at.idp.issuer,
    subject,
    displayName: subject,
    active: true,
    reason: 'as it is now',
    ...more,
  })
const openChange = async (): Promise<number> => {
  const { groups } = (await ask('olga', `/v1/directory/groups?name=${group}`)) as unknown as { groups: Answer[] }
  const changeId = groups[0]?.openChanges?.at(-1)?.changeId
  if (changeId === undefined) throw new Error('nothing waits for a review')
  return changeId
}
/** As a request whose token was looked up a moment before. */
const coraReviews = async () => {
  const { tenantId } = at.spec
  const caller = { tenantId, subjectId: at.people.cora, groups: ['security-admins'] }
  return new ReviewGroup(at.stores.notifier).handle(caller, { name: group, upTo: await openChange() })
}
const sevenDaysPass = () =>
  at.spec.superuser.query(`update countersign.former_member set until = until - interval '8 days'`)
const seatOf = async (name: Name): Promise<unknown> => {
  const { rows } = await at.spec.superuser.query(
    'select counts, rests_on as word from countersign.group_member where group_name = $1 and subject_id = $2',
    [group, at.people[name]],
  )
  return rows[0]
}

/** What makes somebody nobody who could review, and what undoes it. */
const ways: [string, object, object, string][] = [
  ['deactivated', { active: false }, { active: true }, 'person_inactive'],
  ['marked as a shared account', { kind: 'shared' }, { kind: 'human' }, 'not_human'],
]

describe.each(ways)('the only other reviewer, once %s', (_what, away, back, code) => {
  it('reviews nothing, also with a request that was let in before', async () => {
    await seats('nora')
    await registers('cora', away)
    expect(await coraReviews()).toMatchObject({ code })
    const body = { name: group, upTo: await openChange(), reason: 'a colleague' }
    expect(await ask('cora', '/v1/directory/groups/review', body)).toMatchObject({ code })
    expect(await seatOf('nora')).toMatchObject({ counts: false })
  })

  it('is somebody who could review for 7 days more, so that nobody gains by it in the week in which it is seen', async () => {
    await registers('cora', away)
    expect(await seats('nora')).toMatchObject({ seats: 'await_review' })
  })

  it('is nobody who could review after that: one word is enough, and is shown', async () => {
    await registers('cora', away)
    await sevenDaysPass()
    expect(await seats('nora')).toMatchObject({ seats: 'on_one_word' })
    expect(await seatOf('nora')).toEqual({ counts: true, word: at.people.olga })
  })

  it('does not wait 7 days again when their place is taken from them later', async () => {
    await registers('cora', away)
    await sevenDaysPass()
    await unseats('cora', 'security-admins')
    expect(await seats('nora')).toMatchObject({ seats: 'on_one_word' })
  })

  it('is nobody’s way to be alone by letting them act again, which takes their place until it is reviewed', async () => {
    await registers('cora', away)
    await registers('cora', back)
    expect(await seats('nora')).toMatchObject({ seats: 'await_review' })
    expect(await coraReviews()).toMatchObject({ code: 'not_allowed' })
  })

  it('has reviewed what they reviewed: it stays two people’s word', async () => {
    await seats('nora')
    expect(await coraReviews()).toMatchObject({ left: [] })
    await registers('cora', away)
    await sevenDaysPass()
    expect(await seatOf('nora')).toEqual({ counts: true, word: null })
  })
})

describe('a change that waits for a reviewer who has left', () => {
  it('is not reviewed by somebody whom its author made a reviewer, for 7 days', async () => {
    await seats('nora')
    await seats('erin', 'operators')
    await registers('cora', { active: false })
    await at.spec.superuser.query(
      `update countersign.group_member set counts = true, rests_on = $1 where group_name = 'operators' and subject_id = $2`,
      [at.people.olga, at.people.erin],
    )
    const erin = { tenantId: at.spec.tenantId, subjectId: at.people.erin, groups: ['operators'] }
    const review = async () =>
      new ReviewGroup(at.stores.notifier).handle(erin, { name: group, upTo: await openChange() })
    expect(await review()).toMatchObject({ code: 'own_change' })
    await sevenDaysPass()
    expect(await review()).toMatchObject({ left: [] })
    expect(await seatOf('nora')).toEqual({ counts: true, word: at.people.olga })
  })
})
