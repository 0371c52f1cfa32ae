import { isRefusal } from '@countersign/contracts'
import { readFrozen, withTenants } from '@countersign/event-store'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'
import { Freeze } from './freeze.handler.ts'

const folder = mkdtempSync(join(tmpdir(), 'freeze-spec-'))
const credential = `csf_${randomBytes(32).toString('base64url')}`
const hashFile = join(folder, 'freeze-credential.sha256')
writeFileSync(hashFile, `sha256:${createHash('sha256').update(credential).digest('hex')}\n`)

/** Without a relay: nothing here is ever carried by the bus. */
let world: IntakeOverHttp
beforeAll(async () => {
  world = await intakeOverHttp({ FREEZE_CREDENTIAL_FILE: hashFile })
  await world.addPerson('sam', ['security-admins'])
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})
afterEach(() => world.superuser.query('update countersign.freeze set active = false'))

const granted = async () => {
  const { answer } = await world.call({ as: 'etl-bot', path: '/v1/intents', body: world.body(), key: world.newId() })
  const intentId = String(answer.intentId)
  await world.allow(intentId)
  const grant = await world.call({ as: 'etl-bot', path: `/v1/intents/${intentId}/grant` })
  return { intentId, grantId: String(grant.answer.grantId), token: String(grant.answer.token) }
}
const redeem = ({ grantId, token }: { grantId: string; token: string }) => {
  const { action, target, environment, parameters } = world.body()
  const body = { token, redemptionId: world.newId(), action, target, environment, parameters }
  return world.call({ as: 'etl-bot', path: `/v1/grants/${grantId}/redeem`, body })
}
const freeze = (scope: object, as = 'olga', more = {}) =>
  world.call({ as, path: '/v1/freezes', body: { scope, ...more } })
const unfreeze = (freezeId: unknown, as = 'olga') =>
  world.call({ as, path: `/v1/freezes/${String(freezeId)}/unfreeze`, body: { reason: 'it was a drill' } })
const inEmergency = async (authorization: string | undefined, body: object) => {
  const response = await fetch(new URL('/v1/emergency-freezes', world.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as { code?: string; freezeId?: string; pointer?: string }
  return { status: response.status, code: answer.code ?? 'ok', ...answer }
}
const frozenEvents = async () => {
  const { rows } = await world.superuser.query<{ tenant_id: string; type: string; data: Record<string, unknown> }>(
    `select tenant_id, type, data from countersign.event where type like '%.Frozen.v1' or type like '%.Unfrozen.v1'
     order by position`,
  )
  return rows
}

describe('a freeze', () => {
  it.each([
    [{ kind: 'all' }],
    [{ kind: 'tenant' }],
    [{ kind: 'producer', producer: 'etl' }],
    [{ kind: 'agent', agent: 'etl-bot' }],
    [{ kind: 'action', action: 'data.read' }],
    [{ kind: 'environment', environment: 'production' }],
  ])('of %j stops the next collect and redeem, and lifted lets both go on', async (scope) => {
    const grant = await granted()
    const frozen = await freeze(scope, 'olga', { reason: 'exports nobody asked for' })
    expect(frozen.status).toBe(201)
    expect((await redeem(grant)).code).toBe('frozen')
    expect((await world.call({ as: 'etl-bot', path: `/v1/intents/${grant.intentId}/grant` })).code).toBe('frozen')
    expect((await unfreeze(frozen.answer.freezeId)).code).toBe('ok')
    expect((await redeem(grant)).code).toBe('ok')
    const [set, lifted] = (await frozenEvents()).slice(-2)
    expect(set?.data).toMatchObject({ scope, by: world.operator, reason: 'exports nobody asked for' })
    expect(lifted?.data).toMatchObject({ by: world.operator, reason: 'it was a drill' })
  })

  it.each([
    [{ kind: 'producer', producer: 'rival' }],
    [{ kind: 'agent', agent: 'other-bot' }],
    [{ kind: 'action', action: 'data.export' }],
    [{ kind: 'environment', environment: 'staging' }],
  ])('of %j stops nothing else', async (scope) => {
    const grant = await granted()
    expect((await freeze(scope)).status).toBe(201)
    expect((await redeem(grant)).code).toBe('ok')
  })

  it('of an agent or producer that is not registered is refused: it was mistyped', async () => {
    expect(await freeze({ kind: 'agent', agent: 'etl-bott' })).toMatchObject({ code: 'not_found' })
    const { code, answer } = await freeze({ kind: 'producer', producer: 'elt' })
    expect({ code, pointer: answer.pointer }).toEqual({ code: 'not_found', pointer: '/scope/producer' })
  })

  it('and a revocation stop a redeem within a second, with no relay and no bus', async () => {
    const [one, other] = [await granted(), await granted()]
    const revokedAt = performance.now()
    expect((await world.call({ as: 'etl', path: `/v1/grants/${one.grantId}/revoke` })).code).toBe('ok')
    expect((await redeem(one)).code).toBe('grant_revoked')
    const frozenAt = performance.now()
    expect((await freeze({ kind: 'all' })).status).toBe(201)
    expect((await redeem(other)).code).toBe('frozen')
    const doneAt = performance.now()
    expect({ revoke: frozenAt - revokedAt < 1_000, freeze: doneAt - frozenAt < 1_000 }).toEqual({
      revoke: true,
      freeze: true,
    })
    const { rows } = await world.superuser.query(`select from countersign.event where type like '%.Frozen.v1'`)
    expect(rows.length).toBeGreaterThan(0)
  })

  it('is never set, lifted or listed by an agent, a producer or who merely signed in', async () => {
    const { answer } = await freeze({ kind: 'tenant' })
    for (const as of ['etl-bot', 'etl', 'paul']) {
      const code = as === 'paul' ? 'not_allowed' : 'not_human'
      expect((await freeze({ kind: 'tenant' }, as)).code).toBe(code)
      expect((await freeze({ kind: 'all' }, as)).code).toBe(code)
      expect((await unfreeze(answer.freezeId, as)).code).toBe(code)
      const path = `/v1/freezes/${String(answer.freezeId)}`
      expect((await world.call({ as, method: 'DELETE', path })).code).toBe(code)
      expect((await world.call({ as, method: 'GET', path: '/v1/freezes' })).code).toBe(code)
      const lastly = (await world.attempts('CommandRefused')).slice(-4)
      expect(lastly.map(({ command, code: recorded }) => [command, recorded])).toEqual(
        ['freeze', 'freeze', 'unfreeze', 'unfreeze'].map((command) => [command, code]),
      )
    }
  })

  it('is set by a security admin, who can neither lift one nor freeze the deployment', async () => {
    const { status, answer } = await freeze({ kind: 'agent', agent: 'etl-bot' }, 'sam')
    expect(status).toBe(201)
    expect((await unfreeze(answer.freezeId, 'sam')).code).toBe('not_allowed')
    expect((await freeze({ kind: 'all' }, 'sam')).code).toBe('not_allowed')
  })

  it('is listed with its scope and reason, oldest first', async () => {
    await freeze({ kind: 'producer', producer: 'etl' }, 'olga', { reason: 'first' })
    await freeze({ kind: 'all' })
    const { answer } = await world.call({ as: 'olga', method: 'GET', path: '/v1/freezes' })
    expect(answer.freezes).toMatchObject([
      { scope: { kind: 'producer', producer: 'etl' }, reason: 'first', frozenBy: world.operator },
      { scope: { kind: 'all' } },
    ])
  })

  it.each([
    ['a secret', `it leaked ghp_${'a'.repeat(36)}`, 'secret_in_field'],
    ['hidden text', 'all is well\u202e', 'hidden_text'],
  ])('is not recorded with %s as its reason', async (_what, reason, code) => {
    expect((await freeze({ kind: 'tenant' }, 'olga', { reason })).code).toBe(code)
  })
})

describe('the freeze credential', () => {
  const bearer = `Bearer ${credential}`

  it('freezes without a sign-in, once for the same scope, and is recorded as itself', async () => {
    const grant = await granted()
    const first = await inEmergency(bearer, { scope: { kind: 'all' }, reason: 'the agents run wild' })
    expect(first.status).toBe(201)
    expect((await inEmergency(bearer, { scope: { kind: 'all' } })).freezeId).toBe(first.freezeId)
    expect((await redeem(grant)).code).toBe('frozen')
    const last = (await frozenEvents()).at(-1)
    expect(last?.data).toMatchObject({ means: 'freeze_credential', reason: 'the agents run wild' })
    expect(last?.data['by']).not.toBe(world.operator)
    expect((await unfreeze(first.freezeId)).code).toBe('ok')
    expect((await redeem(grant)).code).toBe('ok')
  })

  it('lifts nothing and opens nothing else', async () => {
    const { freezeId } = await inEmergency(bearer, { scope: { kind: 'tenant' } })
    for (const [method, path] of [
      ['DELETE', `/v1/freezes/${freezeId ?? ''}`],
      ['GET', '/v1/freezes'],
      ['POST', `/v1/freezes/${freezeId ?? ''}/unfreeze`],
    ] as const) {
      const response = await fetch(new URL(path, world.url), {
        method,
        headers: { authorization: bearer, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) },
        ...(method === 'POST' ? { body: '{}' } : {}),
      })
      expect([path, response.status]).toEqual([path, 401])
    }
  })

  it('of a tenant that is not there, or of an agent that is not, is refused', async () => {
    const refused = await inEmergency(bearer, { scope: { kind: 'tenant' }, tenantId: world.newId() })
    expect(refused).toMatchObject({ status: 404, code: 'not_found', pointer: '/tenantId' })
    const mistyped = await inEmergency(bearer, { scope: { kind: 'agent', agent: 'etl-bott' } })
    expect(mistyped).toMatchObject({ status: 404, code: 'not_found', pointer: '/scope/agent' })
  })

  it('that is wrong is refused and recorded, limited, and holds up nobody who has the right one', async () => {
    const before = await world.attempts('CommandRefused')
    const wrong = [undefined, 'Bearer x', `Bearer csf_${'A'.repeat(43)}`]
    for (const authorization of wrong)
      expect(await inEmergency(authorization, { scope: { kind: 'all' } })).toMatchObject({
        status: 403,
        code: 'freeze_credential_invalid',
      })
    const added = (await world.attempts('CommandRefused')).slice(before.length)
    expect(added).toEqual(
      wrong.map(() => ({ command: 'emergency_freeze', code: 'freeze_credential_invalid', by: null, count: 1 })),
    )
    const flood = await Promise.all(
      Array.from({ length: 40 }, () => inEmergency('Bearer x', { scope: { kind: 'all' } })),
    )
    expect(flood.some(({ code }) => code === 'too_many_requests')).toBe(true)
    expect((await inEmergency(bearer, { scope: { kind: 'all' } })).status).toBe(201)
  })
})

// A second tenant is there from now on, so nobody runs the deployment unless they are named.
describe('a freeze of the whole deployment', () => {
  it('is told in every tenant’s history, and only who runs the deployment sets and lifts it', async () => {
    const { tenantId, operator: subjectId, pool } = world
    const other = await world.addTenant('strangers')
    expect((await freeze({ kind: 'all' })).code).toBe('not_allowed')
    const switchboard = new Freeze(world.events, { pool, operatorsOf: tenantId })
    const olga = { kind: 'person', tenantId, subjectId, groups: ['operators'] } as const
    const stranger = { kind: 'person', tenantId: other, subjectId: world.newId(), groups: ['operators'] } as const
    const isFrozen = async () => {
      const asked = { tenantId: other, producer: 'p', agent: 'a', action: 'data.read', environment: 'test' }
      return withTenants(pool, [other], (tx) => readFrozen(tx, [asked]))
    }
    expect(await switchboard.freeze(stranger, { scope: { kind: 'all' } })).toMatchObject({ code: 'not_allowed' })
    const frozen = await switchboard.freeze(olga, { scope: { kind: 'all' } })
    if (isRefusal(frozen)) throw new Error(frozen.code)
    expect(await isFrozen()).toEqual([true])
    expect(await switchboard.unfreeze(stranger, frozen.freezeId)).toMatchObject({ code: 'not_allowed' })
    expect(await switchboard.unfreeze(olga, frozen.freezeId)).toBeUndefined()
    expect(await isFrozen()).toEqual([false])
    const told = (await frozenEvents()).filter(({ data }) => data['freezeId'] === frozen.freezeId)
    const sides = told.map(
      ({ tenant_id: of, data }) =>
        `${of === other ? 'other' : 'own'} ${data['means'] === undefined ? 'a person' : JSON.stringify(data['means'])}`,
    )
    expect(sides.sort()).toEqual([
      'other "deployment_operator"',
      'other "deployment_operator"',
      'own a person',
      'own a person',
    ])
    const byOthers = told.filter((row) => row.tenant_id === other).map(({ data }) => data['by'])
    expect(byOthers).not.toContain(subjectId)
  })
})
