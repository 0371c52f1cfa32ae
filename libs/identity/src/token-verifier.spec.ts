import { createHmac, createPublicKey, type JsonWebKeyInput } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  clientToken,
  type IdentityProvider,
  signIn,
  startIdentityProvider,
} from '@countersign/loopback/identity-provider'
import fc from 'fast-check'
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TokenVerification, type TokenVerifier, tokenVerifier } from './token-verifier.ts'

const audience = 'https://countersign.example'
const ada = { sub: 'ada', name: 'Ada', email: 'ada@corp.example', password: 'correct horse', amr: ['pwd', 'mfa'] }
const agent = { kind: 'agent', clientId: 'deploy-agent', clientSecret: 'agent-secret-agent-secret' } as const
const invalid = { ok: false, code: 'token_invalid' }
const unavailable = { ok: false, code: 'identity_provider_unavailable' }

let folder: string
let provider: IdentityProvider
let verifier: TokenVerifier
let key: JWK & { kid: string }
let publicKey: JWK
let adaToken: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-verifier-spec-'))
  const signingKeyFile = join(folder, 'key.json')
  const clients = [agent, { kind: 'cli', clientId: 'cli' } as const]
  const audiences = [audience, 'https://other.example'] as const
  provider = await startIdentityProvider({ port: 0, people: [ada], clients, audience: audiences, signingKeyFile })
  const keys = JSON.parse(await readFile(signingKeyFile, 'utf8')) as { keys: (JWK & { kid: string })[] }
  key = keys.keys[0] as JWK & { kid: string }
  const { d: _private, ...rest } = key
  publicKey = rest
  verifier = tokenVerifier({ issuer: provider.issuer, audience })
  adaToken = await signIn({ issuer: provider.issuer, clientId: 'cli', username: ada.email, password: ada.password })
})
afterAll(async () => {
  await provider.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A token as the provider would sign it, with something changed. */
async function forged(claims: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const good = { iss: provider.issuer, aud: audience, sub: 'ada', client_id: 'cli', iat: now, exp: now + 60 }
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...header })
    .sign(await importJWK(key, 'ES256'))
}

const identityOf = (result: TokenVerification) => (result.ok ? result.identity : undefined)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a token verifier with a real provider', () => {
  it('knows a person who signed in, through which client, when and how', async () => {
    const identity = identityOf(await verifier.verify(`Bearer ${adaToken}`))
    expect(identity).toEqual({
      issuer: provider.issuer,
      subject: 'ada',
      clientId: 'cli',
      kind: 'person',
      authTime: expect.any(Number),
      acr: 'mfa',
      amr: ['pwd', 'mfa'],
      actorChain: [],
    })
    expect(identityOf(await verifier.verify(adaToken))).toEqual(identity)
  })

  it('knows a program that acts as itself', async () => {
    const { clientId, clientSecret } = agent
    const token = await clientToken({ issuer: provider.issuer, clientId, clientSecret, audience })
    expect(identityOf(await verifier.verify(token))).toEqual({
      issuer: provider.issuer,
      subject: 'deploy-agent',
      clientId: 'deploy-agent',
      kind: 'client',
      actorChain: [],
    })
  })

  it('refuses a token that the same provider made for another audience', async () => {
    const { clientId, clientSecret } = agent
    const elsewhere = { issuer: provider.issuer, clientId, clientSecret, audience: 'https://other.example' }
    expect(await verifier.verify(await clientToken(elsewhere))).toEqual(invalid)
  })

  it('tells a missing token from an expired and from a wrong one', async () => {
    for (const none of [undefined, '', 'Bearer ', 'bearer']) {
      const result = await verifier.verify(none)
      expect(result).toEqual({ ok: false, code: none === 'bearer' ? 'token_invalid' : 'token_missing' })
    }
    const past = Math.floor(Date.now() / 1000) - 60
    expect(await verifier.verify(await forged({ exp: past }))).toEqual({ ok: false, code: 'token_expired' })
    expect(await verifier.verify('Basic abc')).toEqual(invalid)
  })

  it('accepts its own forgery tool’s good token, so that each refusal below is for its own reason', async () => {
    expect((await verifier.verify(await forged())).ok).toBe(true)
  })

  const wrongClaims: [string, JWTPayload][] = [
    ['of another issuer', { iss: 'https://idp.example' }],
    ['for nobody', { aud: [] as string[] }],
    ['that never expires', { exp: undefined as unknown as number }],
    ['not valid yet', { nbf: Math.floor(Date.now() / 1000) + 600 }],
    ['without a client', { client_id: undefined }],
    ['of two clients', { client_id: 'cli', azp: 'other' }],
    ['bound to a key that nobody proves here', { cnf: { jkt: 'a'.repeat(43) } }],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'a'.repeat(43) } }],
    ['with a line break in its subject', { sub: 'ada\nadmin' }],
    ['with a subject of 256 characters', { sub: 'a'.repeat(256) }],
    ['with an actor that is no object', { act: 'agent' }],
    ['with an actor without a subject', { act: { iss: 'https://idp.example' } }],
    ['with an actor that is the subject', { act: { sub: 'ada' } }],
    ['with an actor twice in the chain', { act: { sub: 'a', act: { sub: 'b', act: { sub: 'a' } } } }],
    ['with nine actors', { act: actors(9) }],
    ['that is huge', { padding: 'x'.repeat(9000) }],
  ]
  it.each(wrongClaims)('refuses a well signed token %s', async (_what, claims) => {
    expect(await verifier.verify(await forged(claims))).toEqual(invalid)
  })

  const wrongHeaders: [string, Record<string, unknown>][] = [
    ['of another type', { typ: 'JWT' }],
    ['without a type', { typ: undefined }],
    ['without a key id', { kid: undefined }],
    ['with an unknown key id', { kid: 'another' }],
    ['that says where its key is (jku)', { jku: 'https://evil.example/jwks' }],
    ['that says where its key is (x5u)', { x5u: 'https://evil.example/cert' }],
    ['that brings its key', { jwk: { kty: 'EC' } }],
  ]
  it.each(wrongHeaders)('refuses a well signed token %s', async (_what, header) => {
    expect(await verifier.verify(await forged({}, header))).toEqual(invalid)
  })

  it('refuses alg none, and HS256 keyed with the public key in any encoding', async () => {
    const [, payload] = adaToken.split('.')
    const head = (alg: string) => encode({ alg, typ: 'at+jwt', kid: key.kid })
    expect(await verifier.verify(`${head('none')}.${payload}.`)).toEqual(invalid)
    const keyObject = createPublicKey({ key: publicKey as JsonWebKeyInput['key'], format: 'jwk' })
    const secrets = [
      keyObject.export({ type: 'spki', format: 'pem' }),
      keyObject.export({ type: 'spki', format: 'der' }),
      JSON.stringify(publicKey),
    ]
    for (const secret of secrets) {
      const input = `${head('HS256')}.${payload}`
      const signature = createHmac('sha256', secret).update(input).digest('base64url')
      expect(await verifier.verify(`${input}.${signature}`)).toEqual(invalid)
    }
  })

  it('refuses a token signed by a key of the same id that is not the provider’s', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const [, payload] = adaToken.split('.')
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as JWTPayload
    const header = { alg: 'ES256', typ: 'at+jwt', kid: key.kid }
    expect(await verifier.verify(await new SignJWT(claims).setProtectedHeader(header).sign(privateKey))).toEqual(
      invalid,
    )
  })

  it('refuses the token with any one character changed', async () => {
    // The last character of a signature has bits that no decoder reads.
    const position = fc.nat(adaToken.length - 2)
    const character = fc.constantFrom(...'ABCDEFabcdef0189-_.'.split(''))
    await fc.assert(
      fc.asyncProperty(position, character, async (at, sign) => {
        fc.pre(adaToken[at] !== sign)
        const changed = adaToken.slice(0, at) + sign + adaToken.slice(at + 1)
        expect(await verifier.verify(changed)).toEqual(invalid)
      }),
      { numRuns: 200 },
    )
  })

  it('reads who acts for the subject, the current actor first, from another issuer too', async () => {
    const act = { sub: 'agent', act: { sub: 'planner', iss: 'https://idp.example' } }
    expect(identityOf(await verifier.verify(await forged({ act })))?.actorChain).toEqual([
      { issuer: provider.issuer, subject: 'agent' },
      { issuer: 'https://idp.example', subject: 'planner' },
    ])
    expect(identityOf(await verifier.verify(await forged({ act: actors(8) })))?.actorChain).toHaveLength(8)
  })

  it('never takes a program for a person when its provider gives it a subject of its own', async () => {
    for (const claims of [
      { gty: 'client-credentials' },
      { idtyp: 'app' },
      { preferred_username: 'service-account-x' },
      { clientHost: '10.0.0.7' },
      { clientAddress: '10.0.0.7' },
      { client_id: undefined, azp: 'cli' },
    ]) {
      expect(identityOf(await verifier.verify(await forged({ ...claims, sub: '7f3c' })))?.kind).toBe('client')
    }
  })

  it('takes azp for the client where a provider names it so, and a person behind it only with the time they signed in', async () => {
    const authTime = Math.floor(Date.now() / 1000)
    const claims = { client_id: undefined, azp: 'cli', auth_time: authTime }
    expect(identityOf(await verifier.verify(await forged(claims)))).toMatchObject({
      kind: 'person',
      clientId: 'cli',
      authTime,
    })
    expect(identityOf(await verifier.verify(await forged({ azp: 'cli' })))).toMatchObject({
      kind: 'person',
      clientId: 'cli',
    })
  })

  it('is not made for an issuer or keys that are read over plain http from elsewhere', () => {
    expect(() => tokenVerifier({ issuer: 'http://idp.example', audience })).toThrow('not an https URL')
    expect(() =>
      tokenVerifier({ issuer: 'https://idp.example', audience, jwksUri: 'http://idp.example/jwks' }),
    ).toThrow()
  })
})

describe('the keys of a token verifier', () => {
  let server: Server
  let jwksUri: string
  let served: JWK[] | undefined
  let fetches: number
  let time: number
  let held: TokenVerifier

  beforeAll(async () => {
    server = createServer((_request, response) => {
      fetches++
      response.writeHead(served ? 200 : 503, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ keys: served ?? [] }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))
  beforeEach(() => {
    served = [publicKey]
    fetches = 0
    time = Date.now()
    held = tokenVerifier({ issuer: provider.issuer, audience, jwksUri, now: () => time })
  })
  const minutes = (count: number) => count * 60_000
  const lasting = () => forged({ exp: Math.floor(Date.now() / 1000) + 7200 })

  it('are fetched once for many tokens at once, and for an unknown key id at most once in 30 s', async () => {
    const token = await lasting()
    const results = await Promise.all(Array.from({ length: 50 }, () => held.verify(token)))
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(fetches).toBe(1)
    const unknown = await forged({}, { kid: 'another' })
    for (let count = 0; count < 20; count++) expect(await held.verify(unknown)).toEqual(invalid)
    expect(fetches).toBe(1)
    time += 30_000
    for (let count = 0; count < 20; count++) expect(await held.verify(unknown)).toEqual(invalid)
    expect(fetches).toBe(2)
  })

  it('follow the provider when it signs with a new key', async () => {
    await held.verify(await lasting())
    const pair = await generateKeyPair('EdDSA', { extractable: true })
    served = [{ ...(await exportJWK(pair.publicKey)), kid: 'new', alg: 'EdDSA' }]
    time += 30_000
    const seconds = Math.floor(time / 1000)
    const token = await new SignJWT({
      sub: 'ada',
      client_id: 'cli',
      iss: provider.issuer,
      aud: audience,
      exp: seconds + 60,
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'new' })
      .sign(pair.privateKey)
    expect((await held.verify(token)).ok).toBe(true)
    expect(await held.verify(await lasting())).toEqual(invalid)
  })

  it('serve through an outage for an hour and not longer; an unknown key id is then not called wrong', async () => {
    const token = await lasting()
    expect((await held.verify(token)).ok).toBe(true)
    served = undefined
    time += minutes(59)
    expect((await held.verify(token)).ok).toBe(true)
    time += 30_000
    expect(await held.verify(await forged({ exp: Math.floor(time / 1000) + 60 }, { kid: 'another' }))).toEqual(
      unavailable,
    )
    time += 30_000
    expect(await held.verify(token)).toEqual(unavailable)
    served = [publicKey]
    time += 30_000
    expect((await held.verify(token)).ok).toBe(true)
  })

  it('that can’t be had refuse every token as unavailable until the provider is back', async () => {
    served = undefined
    const token = await lasting()
    expect(await held.verify(token)).toEqual(unavailable)
    expect(await held.verify(token)).toEqual(unavailable)
    expect(fetches).toBe(1)
    served = [publicKey]
    time += 1000
    expect((await held.verify(token)).ok).toBe(true)
  })
})

function actors(count: number): object | undefined {
  return count === 0 ? undefined : { sub: `actor-${count}`, act: actors(count - 1) }
}
