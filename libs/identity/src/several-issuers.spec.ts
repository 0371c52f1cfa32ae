import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TokenVerification, type TokenVerifier, tokenVerifier, type TrustedIssuer } from './token-verifier.ts'

type Key = { readonly privateKey: CryptoKey; readonly kid: string; readonly jwk: JWK }

const invalid = { ok: false, code: 'token_invalid' }
const names = ['people', 'agents', 'ci', 'both', 'stranger'] as const
type Name = (typeof names)[number]

let server: Server
let origin: string
const keys = new Map<Name, Key>()
const fetched: string[] = []
let verifier: TokenVerifier
const issuerOf = (name: Name) => `${origin}/${name}`
const audienceOf = (name: Name) => `https://countersign.example/${name}`
const trusted = (name: Name, more: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  issuer: issuerOf(name),
  audience: audienceOf(name),
  ...more,
})

/** Issuers with a key each; two of them give their key the same id. */
beforeAll(async () => {
  for (const name of names) {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const kid = name === 'people' || name === 'agents' ? 'key-1' : `key-of-${name}`
    keys.set(name, { privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' } })
  }
  server = createServer((request, response) => {
    const [, name = '', ...rest] = (request.url ?? '').split('/')
    fetched.push(name)
    const body = rest.at(-1) === 'jwks' ? { keys: [keys.get(name as Name)?.jwk] } : metadataOf(name as Name)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  verifier = tokenVerifier({
    issuers: [
      trusted('people', { speaksFor: 'people' }),
      trusted('agents', { speaksFor: 'agents' }),
      trusted('ci', { speaksFor: 'agents', workload: true }),
      trusted('both'),
    ],
  })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const metadataOf = (name: Name) => ({ issuer: issuerOf(name), jwks_uri: `${issuerOf(name)}/jwks` })

type Forgery = {
  readonly by: Name
  readonly claims?: JWTPayload
  readonly typ?: string | undefined
  readonly kid?: string
}

/** A token that an issuer signs, good for its own name and audience unless something else is said. */
const tokenOf = ({ by, claims = {}, typ = 'at+jwt', kid }: Forgery): Promise<string> => {
  const key = keys.get(by)
  if (key === undefined) throw new Error('no such issuer')
  const now = Math.floor(Date.now() / 1000)
  const good = { iss: issuerOf(by), aud: audienceOf(by), sub: 'grace', client_id: 'cli', iat: now, exp: now + 60 }
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: kid ?? key.kid, ...(typ === '' ? {} : { typ }) })
    .sign(key.privateKey)
}
const verified = async (forgery: Forgery): Promise<TokenVerification> => verifier.verify(await tokenOf(forgery))
const identityOf = (result: TokenVerification) => (result.ok ? result.identity : undefined)

describe('a verifier of several issuers', () => {
  it('knows the same subject at two issuers as two people', async () => {
    const [one, other] = [identityOf(await verified({ by: 'people' })), identityOf(await verified({ by: 'both' }))]
    expect([one?.kind, other?.kind]).toEqual(['person', 'person'])
    expect([one?.subject, other?.subject]).toEqual(['grace', 'grace'])
    expect([one?.issuer, other?.issuer]).toEqual([issuerOf('people'), issuerOf('both')])
  })

  it.each<[string, () => Forgery]>([
    ['that it does not know', () => ({ by: 'stranger' })],
    ['that signs in the name of another', () => ({ by: 'both', claims: { iss: issuerOf('people') } })],
    [
      'that signs in the name of another, for its audience',
      () => ({ by: 'agents', claims: { iss: issuerOf('people'), aud: audienceOf('people') } }),
    ],
    [
      'that signs in the name of another with that one’s key id',
      () => ({ by: 'both', kid: 'key-1', claims: { iss: issuerOf('people'), aud: audienceOf('people') } }),
    ],
    ['whose token is for the audience of another', () => ({ by: 'both', claims: { aud: audienceOf('people') } })],
    ['whose name has a slash more', () => ({ by: 'both', claims: { iss: `${issuerOf('both')}/` } })],
    ['whose name is in other case', () => ({ by: 'both', claims: { iss: issuerOf('both').toUpperCase() } })],
    ['that has no name', () => ({ by: 'both', claims: { iss: undefined as unknown as string } })],
    ['that has two names', () => ({ by: 'both', claims: { iss: [issuerOf('both')] as unknown as string } })],
  ])('takes no token of an issuer %s', async (_what, forgery) => {
    expect(await verified(forgery())).toEqual(invalid)
  })

  it('looks for the key of a token at the issuer that it names and nowhere else', async () => {
    await Promise.all(names.map((by) => verified({ by, typ: by === 'ci' ? 'JWT' : 'at+jwt' })))
    const before = fetched.length
    expect(await verified({ by: 'stranger' })).toEqual(invalid)
    expect(fetched.length).toBe(before)
    expect(fetched).not.toContain('stranger')
  })

  it('never takes whom an issuer of agents names for a person', async () => {
    const claims = { sub: 'grace', client_id: 'cli', auth_time: 1, amr: ['mfa'], acr: 'mfa' }
    expect(identityOf(await verified({ by: 'agents', claims }))?.kind).toBe('client')
    expect(identityOf(await verified({ by: 'ci', typ: 'JWT', claims }))?.kind).toBe('client')
  })

  it('takes no program from an issuer of people', async () => {
    expect(await verified({ by: 'people', claims: { sub: 'cli' } })).toEqual(invalid)
    expect(await verified({ by: 'people', claims: { gty: 'client-credentials' } })).toEqual(invalid)
  })

  it('takes tokens that are no access tokens only from an issuer of workloads: the subject is the client', async () => {
    const claims = { sub: 'repo:acme/app:ref:refs/heads/main', client_id: undefined }
    for (const typ of ['JWT', '', 'at+jwt'])
      expect(identityOf(await verified({ by: 'ci', typ, claims }))).toEqual({
        issuer: issuerOf('ci'),
        subject: claims.sub,
        clientId: claims.sub,
        kind: 'client',
        actorChain: [],
      })
    for (const by of ['people', 'agents', 'both'] as const) {
      expect(await verified({ by, typ: 'JWT' })).toEqual(invalid)
      expect(await verified({ by, typ: '' })).toEqual(invalid)
      expect(await verified({ by, claims: { client_id: undefined } })).toEqual(invalid)
    }
    for (const typ of ['dpop+jwt', 'logout+jwt', 'secevent+jwt'])
      expect(await verified({ by: 'ci', typ, claims })).toEqual(invalid)
  })

  it('answers for the issuers that can be reached while another cannot', async () => {
    const partly = tokenVerifier({
      issuers: [trusted('both'), { ...trusted('people'), jwksUri: 'http://127.0.0.1:1/jwks' }],
    })
    expect((await partly.verify(await tokenOf({ by: 'both' }))).ok).toBe(true)
    expect(await partly.verify(await tokenOf({ by: 'people' }))).toEqual({
      ok: false,
      code: 'identity_provider_unavailable',
    })
  })

  it('is not made of issuers that contradict each other', () => {
    expect(() => tokenVerifier({ issuers: [] })).toThrow('each issuer is trusted once')
    expect(() => tokenVerifier({ issuers: [trusted('both'), trusted('both', { audience: 'x' })] })).toThrow('once')
    expect(() => tokenVerifier({ issuers: [trusted('ci', { workload: true })] })).toThrow('agents only')
    expect(() => tokenVerifier({ issuers: [{ issuer: 'http://idp.example', audience: 'x' }] })).toThrow('not an https')
  })
})

describe('issuers that change while a verifier is used', () => {
  it('count from then on, and the keys of those that stay are not fetched again', async () => {
    const changing = tokenVerifier({ issuers: [trusted('people'), trusted('both')] })
    const [staying, leaving, coming] = await Promise.all(
      (['people', 'both', 'agents'] as const).map((by) => tokenOf({ by })),
    )
    const codes = async () => {
      const answers = await Promise.all([staying, leaving, coming].map((token) => changing.verify(token)))
      return answers.map((answer) => (answer.ok ? 'ok' : answer.code))
    }
    expect(await codes()).toEqual(['ok', 'ok', 'token_invalid'])
    fetched.length = 0
    changing.trust([trusted('people'), trusted('agents')])
    expect(await codes()).toEqual(['ok', 'token_invalid', 'ok'])
    expect(new Set(fetched)).toEqual(new Set(['agents']))
    expect(() => changing.trust([])).toThrow('trusted once')
    expect(() => changing.trust([trusted('both'), { ...trusted('people'), issuer: 'http://id.example' }])).toThrow()
    expect(await codes()).toEqual(['ok', 'token_invalid', 'ok'])
  })

  it('end a token that is being verified while its issuer is taken out', async () => {
    const changing = tokenVerifier({ issuers: [trusted('people'), trusted('both')] })
    const [asked, token] = [await tokenOf({ by: 'both' }), await tokenOf({ by: 'people' })]
    const answer = changing.verify(asked)
    changing.trust([trusted('people')])
    expect(await answer).toEqual(invalid)
    expect((await changing.verify(token)).ok).toBe(true)
    expect(await changing.verify(asked)).toEqual(invalid)
  })
})
