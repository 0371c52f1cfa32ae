import { startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { NotifierWorld } from '../notifier-world.fixture.ts'
import { signInOn } from '../sign-in/pages.fixture.ts'
import { startTwoTenants, type TwoTenants } from './two-tenants.fixture.ts'

let tenants: TwoTenants
let at: NotifierWorld
beforeAll(async () => {
  tenants = await startTwoTenants()
  ;({ at } = tenants)
})
afterAll(() => tenants.stop())

const send: TwoTenants['send'] = (...asked) => tenants.send(...asked)
const register: TwoTenants['register'] = (...asked) => tenants.register(...asked)
const reviewsOf: TwoTenants['reviewsOf'] = (name) => tenants.reviewsOf(name)
const listedElsewhere = async (subject: string): Promise<number | null> => {
  const { rowCount } = await at.spec.superuser.query(
    `select from countersign.subject s join countersign.person p using (tenant_id, subject_id)
     where s.tenant_id = $1 and s.sub = $2`,
    [tenants.elsewhere, subject],
  )
  return rowCount
}

describe('somebody who is of one tenant', () => {
  it('is not registered by another one’s operator, which is refused and counted, and stays who they are', async () => {
    expect(await register('nora', 'ben')).toMatchObject({ status: 403, code: 'person_taken' })
    expect(await register('nora', 'ben', { active: false })).toMatchObject({ status: 200 })
    expect(await register('nora', 'ben', { active: true })).toMatchObject({ status: 403, code: 'person_taken' })
    expect((await reviewsOf('ben')).status).toBe(200)
    expect(await tenants.refusedThere('person_taken')).toBe(2)
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
    const person = await tenants.seedElsewhere('dana')
    expect(await reviewsOf('dana')).toMatchObject({ status: 403, code: 'person_inactive' })
    const browser = startBrowser()
    const page = await signInOn(at, browser, await browser.open(`${at.publicUrl}/me/keys`), 'dana')
    expect(page.status).toBe(403)
    await at.spec.superuser.query('update countersign.person set active = false where subject_id = $1', [person])
    expect((await reviewsOf('dana')).status).toBe(200)
  })
})
