import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type GenerateKeyPairResult, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { intakeOverHttp, type IntakeOverHttp } from '../intake-http.fixture.ts'
import { forgetProofs } from './presented-proofs.ts'

type Key = GenerateKeyPairResult & { readonly jwk: JWK; readonly alg: string }
const makeKey = async (alg: string): Promise<Key> => {
  const pair = await generateKeyPair(alg, { extractable: true })
  return { ...pair, alg, jwk: await exportJWK(pair.publicKey) }
}

let world: IntakeOverHttp
let own: Key
let other: Key
beforeAll(async () => {
  world = await intakeOverHttp()
  own = await makeKey('ES256')
  other = await makeKey('Ed25519')
})
afterAll(() => world.close())
// How many refusals of a client get an event of their own in ten seconds is bounded; here each does.
beforeEach(() => world.superuser.query('delete from countersign.refusal_count'))

type Bent = { key?: Key; claims?: Record<string, unknown>; header?: Record<string, unknown> }

/** A proof for a POST to `path` with the access token of `as`, with what is bent in it. */
const proofOf = async (path: string, { key = own, claims = {}, header = {} }: Bent = {}, as = 'etl-bot') => {
  const ath = createHash('sha256')
    .update(await world.tokenOf(as))
    .digest('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const htu = `https://countersign.example${path}`
  return new SignJWT({ htm: 'POST', htu, ath, iat, jti: world.newId(), ...claims })
    .setProtectedHeader({ alg: key.alg, typ: 'dpop+jwt', jwk: key.jwk, ...header })
    .sign(key.privateKey)
}

const allowed = async (as = 'etl-bot', agent = 'etl-bot'): Promise<string> => {
  const body = world.body({ agent: { name: agent } })
  const { answer } = await world.call({ as, path: '/v1/intents', body, key: world.newId() })
  await world.allow(String(answer.intentId))
  return `/v1/intents/${String(answer.intentId)}/grant`
}
const collect = async (path: string, bent?: Bent, as = 'etl-bot') =>
  world.call({ as, path, headers: bent === undefined ? {} : { dpop: await proofOf(path, bent, as) } })

/** A grant that is collected with the own key, and how to redeem it with a given header. */
const granted = async () => {
  const { answer } = await collect(await allowed(), {})
  const path = `/v1/grants/${String(answer.grantId)}/redeem`
  const { action, target, environment, parameters } = world.body()
  const body = () => ({
    token: answer.token,
    redemptionId: world.newId(),
    action,
    target,
    environment,
    parameters,
  })
  const redeem = (headers: Record<string, string>) => world.call({ as: 'etl-bot', path, body: body(), headers })
  return { path, redeem }
}
const register = (thumbprint: string | null) =>
  world.superuser.query(`update countersign.agent set executor_key_thumbprint = $1 where name = 'etl-bot'`, [
    thumbprint,
  ])

describe('a grant that was collected with a key', () => {
  it('is redeemed by a proof of that key, once', async () => {
    const { path, redeem } = await granted()
    const issued = (await world.superuser.query(
      `select data -> 'credential' as credential from countersign.event where type like '%.GrantIssued.v1'
       order by position desc limit 1`,
    )) as { rows: { credential: object }[] }
    expect(issued.rows[0]?.credential).toEqual({
      kind: 'oauth_client',
      clientId: 'etl-bot',
      keyThumbprint: await calculateJwkThumbprint(own.jwk),
    })
    expect((await redeem({ dpop: await proofOf(path) })).code).toBe('ok')
  })

  it.each<[string, string, (path: string) => Promise<Record<string, string>>]>([
    ['without a proof', 'dpop_missing', async () => ({})],
    ['by another key', 'dpop_wrong_key', async (path) => ({ dpop: await proofOf(path, { key: other }) })],
    ['for another address', 'dpop_other_request', async (path) => ({ dpop: await proofOf(`${path}x`) })],
    [
      'for another host',
      'dpop_other_request',
      async (path) => ({ dpop: await proofOf(path, { claims: { htu: `https://evil.example${path}` } }) }),
    ],
    [
      'for another method',
      'dpop_other_request',
      async (path) => ({ dpop: await proofOf(path, { claims: { htm: 'GET' } }) }),
    ],
    [
      'of two minutes ago',
      'dpop_stale',
      async (path) => ({ dpop: await proofOf(path, { claims: { iat: Math.floor(Date.now() / 1000) - 120 } }) }),
    ],
    [
      'of two minutes ahead',
      'dpop_stale',
      async (path) => ({ dpop: await proofOf(path, { claims: { iat: Math.floor(Date.now() / 1000) + 120 } }) }),
    ],
    ['for another access token', 'dpop_other_token', async (path) => ({ dpop: await proofOf(path, {}, 'etl') })],
    [
      'for no access token',
      'dpop_other_token',
      async (path) => ({ dpop: await proofOf(path, { claims: { ath: undefined } }) }),
    ],
    ['of another type', 'dpop_invalid', async (path) => ({ dpop: await proofOf(path, { header: { typ: 'JWT' } }) })],
    ['without an id', 'dpop_invalid', async (path) => ({ dpop: await proofOf(path, { claims: { jti: undefined } }) })],
    ['without a time', 'dpop_invalid', async (path) => ({ dpop: await proofOf(path, { claims: { iat: undefined } }) })],
    [
      'signed by another key than it names',
      'dpop_invalid',
      async (path) => ({
        dpop: await proofOf(path, { key: { ...own, privateKey: (await makeKey('ES256')).privateKey } }),
      }),
    ],
    [
      'with a private key in it',
      'dpop_invalid',
      async (path) => ({ dpop: await proofOf(path, { header: { jwk: await exportJWK(own.privateKey) } }) }),
    ],
    ['signed by nobody', 'dpop_invalid', async () => ({ dpop: 'eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ.e30.' })],
    ['that is nothing', 'dpop_invalid', async () => ({ dpop: 'x' })],
  ])('is not redeemed by a proof %s, and that is recorded', async (_what, code, headers) => {
    const { path, redeem } = await granted()
    const before = await world.attempts('GrantRefused')
    const refused = await redeem(await headers(path))
    expect([refused.status, refused.code]).toEqual([403, code])
    const added = (await world.attempts('GrantRefused')).slice(before.length)
    expect(added).toMatchObject([{ step: 'redeem', code, count: 1 }])
    expect((await redeem({ dpop: await proofOf(path) })).code).toBe('ok')
  })

  it('takes a proof once, also among many at once, refused or not', async () => {
    const { path, redeem } = await granted()
    const dpop = await proofOf(path, { claims: { htm: 'GET' } })
    expect((await redeem({ dpop })).code).toBe('dpop_other_request')
    const good = await proofOf(path)
    const codes = (await Promise.all(Array.from({ length: 8 }, () => redeem({ dpop: good })))).map(({ code }) => code)
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['ok', 'dpop_replayed']))
    const { rows } = await world.superuser.query('select from intake.presented_proof')
    await world.superuser.query(`update intake.presented_proof set presented_at = now() - interval '11 minutes'`)
    expect(await forgetProofs(world.pool)).toBe(rows.length)
  })
})

describe('an agent that is registered with a key', () => {
  it('collects and redeems by that key only', async () => {
    const path = await allowed()
    const before = await granted()
    await register(await calculateJwkThumbprint(own.jwk))
    expect((await collect(path)).code).toBe('dpop_missing')
    expect((await collect(path, { key: other })).code).toBe('dpop_wrong_key')
    expect((await collect(path, {})).code).toBe('ok')
    expect((await before.redeem({})).code).toBe('dpop_missing')
    expect((await before.redeem({ dpop: await proofOf(before.path) })).code).toBe('ok')
    await register(null)
  })
})
