import { registerStream } from '@countersign/event-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Name } from '../notifier-world.fixture.ts'
import { startTwoTenants, type TwoTenants } from './two-tenants.fixture.ts'

let tenants: TwoTenants
beforeAll(async () => {
  tenants = await startTwoTenants()
})
afterAll(() => tenants.stop())

const whoHas = async (operator: Name, subject: string) => {
  const query = new URLSearchParams({ issuer: tenants.at.idp.issuer, subject }).toString()
  return tenants.send(`/v1/directory/logins?${query}`, { as: await tenants.at.token(operator) })
}
const free = async (operator: Name, subject: string, more: object = {}) =>
  tenants.send('/v1/directory/logins/free', {
    as: await tenants.at.token(operator),
    body: { issuer: tenants.at.idp.issuer, subject, tenantId: tenants.elsewhere, reason: 'ticket 4711', ...more },
  })
const personIn = (answer: { readonly body: Record<string, unknown> }) => String(answer.body['person'])

describe('a login that another tenant registered first', () => {
  it('is freed by an operator of the tenant that runs the deployment, and the right one registers it', async () => {
    const wrong = personIn(await tenants.register('nora', 'wanted'))
    expect(await tenants.register('olga', 'wanted')).toMatchObject({ status: 403, code: 'person_taken' })
    expect((await whoHas('olga', 'wanted')).body).toEqual({
      tenants: [{ tenantId: tenants.elsewhere, name: 'elsewhere', person: wrong }],
    })
    expect(await free('olga', 'wanted')).toEqual({
      status: 200,
      body: { tenantId: tenants.elsewhere, person: wrong },
    })
    expect((await whoHas('olga', 'wanted')).body).toEqual({ tenants: [] })
    expect(await tenants.register('olga', 'wanted')).toMatchObject({ status: 200, body: { changed: true } })
    expect(await tenants.register('nora', 'wanted')).toMatchObject({ status: 403, code: 'person_taken' })
  })

  it('is told of in both tenants: who did it in their own, the deployment in the other', async () => {
    const person = personIn(await tenants.register('nora', 'told-of'))
    await free('olga', 'told-of')
    const { at, elsewhere } = tenants
    const own = at.spec.tenantId
    const refs = [registerStream(elsewhere, 'person', person), registerStream(own, 'login', elsewhere, person)] as const
    const loaded = await at.stores.notifier.load([...refs])
    expect(refs.map((ref) => loaded.of(ref).events.at(-1))).toMatchObject([
      {
        type: 'DirectoryPersonRegistered',
        data: { person, active: false, changedBy: null, seeded: false, deployment: true, reason: 'ticket 4711' },
      },
      { type: 'LoginFreed', data: { tenant: elsewhere, person, by: at.people.olga, reason: 'ticket 4711' } },
    ])
  })

  it.each([
    ['is freed by no operator of another tenant, who is not told whose it is', 'nora'],
    ['is freed by nobody who is no operator', 'ben'],
  ] as const)('%s', async (_rule, name) => {
    const subject = `kept-from-${name}`
    await tenants.register('nora', subject)
    const before = await tenants.refusedThere('not_allowed')
    expect(await whoHas(name, subject)).toMatchObject({ status: 403, code: 'not_allowed' })
    expect(await free(name, subject)).toMatchObject({ status: 403, code: 'not_allowed' })
    expect(await tenants.refusedThere('not_allowed')).toBe(before + (name === 'nora' ? 1 : 0))
    expect((await whoHas('olga', subject)).body).toMatchObject({ tenants: [{ tenantId: tenants.elsewhere }] })
  })

  it('is not freed where nobody has it, in a tenant that does not, or twice', async () => {
    await tenants.register('nora', 'once')
    expect(await free('olga', 'nobody-has-it')).toMatchObject({ status: 404, code: 'not_found' })
    expect(await free('olga', 'once', { tenantId: '00000000-0000-7000-8000-000000000000' })).toMatchObject({
      status: 404,
    })
    expect((await free('olga', 'once')).status).toBe(200)
    expect(await free('olga', 'once')).toMatchObject({ status: 404, code: 'not_found' })
  })

  it('is not freed with a secret as the reason', async () => {
    await tenants.register('nora', 'no-secrets')
    const reason = 'ghp_1234567890abcdefghijklmnopqrstuvwxyz'
    expect(await free('olga', 'no-secrets', { reason })).toMatchObject({ status: 400, code: 'secret_in_field' })
    expect((await whoHas('olga', 'no-secrets')).body).toMatchObject({ tenants: [{ name: 'elsewhere' }] })
  })

  it('is not how one frees their own tenant of its people: that keeps the last operator', async () => {
    const { tenantId } = tenants.at.spec
    expect(await free('olga', 'olga', { tenantId })).toMatchObject({ status: 404, code: 'not_found' })
    expect((await tenants.reviewsOf('olga')).status).toBe(200)
  })
})

describe('somebody whom two tenants have', () => {
  it('is somebody again once one of them has let go, which nobody in either could bring about', async () => {
    await tenants.seedElsewhere('dana')
    expect(await tenants.reviewsOf('dana')).toMatchObject({ code: 'person_inactive' })
    expect((await whoHas('olga', 'dana')).body['tenants']).toHaveLength(2)
    expect((await free('olga', 'dana')).status).toBe(200)
    expect((await tenants.reviewsOf('dana')).status).toBe(200)
  })

  it('is freed from the other tenant also as its last operator', async () => {
    expect((await tenants.reviewsOf('nora')).status).toBe(200)
    expect(await free('olga', 'nora')).toMatchObject({ status: 200 })
    expect(await tenants.reviewsOf('nora')).toMatchObject({ code: 'person_inactive' })
  })
})
