import { isRefusal } from '@countersign/contracts'
import { startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ChangeGroup, RegisterPerson } from '../index.ts'
import { type Name, type NotifierWorld, startWorld } from '../notifier-world.fixture.ts'
import { signInOn } from '../sign-in/pages.fixture.ts'

/** Olga operates this tenant; Nora operates another one, and nobody of this one has her in it. */
let at: NotifierWorld
let elsewhere: string
let people: RegisterPerson
beforeAll(async () => {
  at = await startWorld()
  elsewhere = await at.spec.addTenant('elsewhere')
  people = new RegisterPerson(at.spec.poolOf('notifier'), at.stores.notifier)
  await setActive('nora', false)
  const person = await seedElsewhere('nora')
  const changed = await new ChangeGroup(at.stores.notifier).handle({
    tenantId: elsewhere,
    group: 'operators',
    add: [person],
    remove: [],
    seeded: true,
    changedBy: null,
  })
  if (isRefusal(changed)) throw new Error(changed.code)
})
afterAll(() => at.stop())

const seedElsewhere = async (name: Name): Promise<string> => {
  const { issuer } = at.idp
  const said = { tenantId: elsewhere, issuer, subject: name, displayName: name, active: true }
  return (await people.handle({ ...said, seeded: true, changedBy: null })).person
}
const setActive = (name: Name, active: boolean) =>
  at.spec.superuser.query('update countersign.person set active = $2 where subject_id = $1', [at.people[name], active])

type Answer = { readonly status: number; readonly code?: string; readonly body: Record<string, unknown> }
const send = async (
  path: string,
  { as, body, type = 'application/json' }: { as: string; body?: object; type?: string },
): Promise<Answer> => {
  const response = await fetch(`${at.url}${path}`, {
    headers: { authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const answered = (await response.json()) as Record<string, unknown> & { code?: string }
  return { status: response.status, body: answered, ...(answered.code === undefined ? {} : { code: answered.code }) }
}
const register = async (operator: Name, subject: string, more: object = {}) =>
  send('/v1/directory/people', {
    as: await at.token(operator),
    body: { issuer: at.idp.issuer, subject, displayName: subject, reason: 'a colleague', ...more },
  })
const reviewsOf = async (name: Name) => send('/v1/reviews', { as: await at.token(name) })
const listedElsewhere = async (subject: string): Promise<number | null> => {
  const { rowCount } = await at.spec.superuser.query(
    `select from countersign.subject s join countersign.person p using (tenant_id, subject_id)
     where s.tenant_id = $1 and s.sub = $2`,
    [elsewhere, subject],
  )
  return rowCount
}

describe('somebody who is of one tenant', () => {
  it('is not registered by another one’s operator, which is refused and counted, and stays who they are', async () => {
    expect(await register('nora', 'ben')).toMatchObject({ status: 403, code: 'person_taken' })
    expect(await register('nora', 'ben', { active: false })).toMatchObject({ status: 200 })
    expect(await register('nora', 'ben', { active: true })).toMatchObject({ status: 403, code: 'person_taken' })
    expect((await reviewsOf('ben')).status).toBe(200)
    const { rows } = await at.spec.superuser.query<{ total: string }>(
      `select sum(total) as total from countersign.refusal_count where tenant_id = $1 and code = 'person_taken'`,
      [elsewhere],
    )
    expect(Number(rows[0]?.total)).toBe(2)
  })

  it('is not registered by another one’s identity provider either', async () => {
    const body = { issuer: at.idp.issuer, subjectFrom: 'userName', reason: 'pushes its people' }
    const connected = await send('/v1/directory/feed', { as: await at.token('nora'), body })
    const credential = String(connected.body['token'])
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User']
    const push = (userName: string) =>
      send('/scim/v2/Users', { as: credential, type: 'application/scim+json', body: { schemas, userName } })
    expect(await push('cora')).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } })
    expect((await push('somebody-new')).status).toBe(201)
    expect([await listedElsewhere('cora'), await listedElsewhere('somebody-new')]).toEqual([0, 1])
    expect((await reviewsOf('cora')).status).toBe(200)
    const over = { as: await at.token('nora'), body: { reason: 'enough' } }
    expect((await send('/v1/directory/feed/disconnect', over)).status).toBe(200)
  })

  it('is taken by one alone of two tenants that register them in the same moment', async () => {
    const { superuser } = at.spec
    const holder = await superuser.connect()
    await holder.query('begin; lock table countersign.person in share mode')
    const both = Promise.all([register('olga', 'wanted-by-both'), register('nora', 'wanted-by-both')])
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await vi.waitFor(async () => expect((await superuser.query(waiting)).rowCount).toBe(2), { timeout: 20_000 })
    await holder.query('rollback')
    holder.release()
    expect(
      (await both).map(({ status, code }) => code ?? String(status)).toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(['200', 'person_taken'])
  })

  it('is registered by another one once they are nobody of the first any more, which cannot take them back then', async () => {
    expect(await register('olga', 'erin', { active: false })).toMatchObject({ status: 200 })
    expect(await register('nora', 'erin')).toMatchObject({ status: 200, body: { changed: true } })
    expect(await register('nora', 'erin', { displayName: 'Erin' })).toMatchObject({ status: 200 })
    expect(await register('olga', 'erin')).toMatchObject({ status: 403, code: 'person_taken' })
  })
})

describe('somebody whom two tenants had before that was refused', () => {
  it('is nobody in either, over the API and on pages: no register decides who somebody is in another tenant', async () => {
    expect((await reviewsOf('dana')).status).toBe(200)
    const person = await seedElsewhere('dana')
    expect(await reviewsOf('dana')).toMatchObject({ status: 403, code: 'person_inactive' })
    const browser = startBrowser()
    const page = await signInOn(at, browser, await browser.open(`${at.publicUrl}/me/keys`), 'dana')
    expect(page.status).toBe(403)
    await at.spec.superuser.query('update countersign.person set active = false where subject_id = $1', [person])
    expect((await reviewsOf('dana')).status).toBe(200)
  })
})
