import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { run } from '@countersign/cli'
import {
  clientToken,
  type IdentityProvider,
  signIn,
  startIdentityProvider,
} from '@countersign/loopback/identity-provider'
import { tokenVerifierFor } from '@countersign/service-kit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const audience = 'https://countersign.example'
const grace = { sub: 'grace', name: 'Grace', email: 'grace@corp.example', password: 'correct horse' }
const agent = { kind: 'agent', clientId: 'deploy-agent', clientSecret: 'agent-secret-agent-secret' } as const

let provider: IdentityProvider
let folder: string
let server: Server
let origin: string
let documents: Record<string, unknown>
beforeAll(async () => {
  const clients = [agent, { kind: 'cli', clientId: 'countersign-cli' } as const]
  provider = await startIdentityProvider({ port: 0, people: [grace], clients, audience })
  server = createServer((request, response) => {
    const document = documents[request.url ?? '']
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await provider.stop()
  await new Promise((resolve) => server.close(resolve))
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-idp-'))
  documents = {}
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const connect = async (...argv: string[]) => {
  const text = { out: '', err: '' }
  const into = (name: 'out' | 'err') =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        text[name] += chunk.toString()
        done()
      },
    })
  const exitCode = await run(['idp', 'connect', ...argv, '--data-dir', folder], {
    streams: { stdout: into('out'), stderr: into('err') },
    env: { XDG_CONFIG_HOME: folder },
    signal: new AbortController().signal,
  })
  return { exitCode, ...text }
}
const file = () => join(folder, 'issuers.json')
const written = async () => JSON.parse(await readFile(file(), 'utf8')) as { issuers: Record<string, unknown>[] }

describe('countersign idp connect', () => {
  it('lets services take the tokens of a real provider, and says what to set there', async () => {
    const { exitCode, out } = await connect(provider.issuer, '--audience', audience)
    expect(exitCode).toBe(0)
    expect(out).toMatch(/keys +ES256 from/)
    for (const told of [audience, 'at+jwt', 'auth_time', 'countersign-cli', 'client credentials'])
      expect(out).toContain(told)
    expect(out).not.toContain('beware')
    expect((await stat(file())).mode & 0o777).toBe(0o600)

    const verifier = tokenVerifierFor({ OIDC_AUDIENCE: 'countersign', OIDC_ISSUERS_FILE: file() })
    const { issuer } = provider
    const ofPerson = { issuer, clientId: 'countersign-cli', username: grace.email, password: grace.password }
    const person = await verifier.verify(await signIn(ofPerson))
    expect(person).toMatchObject({ ok: true, identity: { kind: 'person', subject: 'grace', issuer } })
    const { clientId, clientSecret } = agent
    const program = await verifier.verify(await clientToken({ issuer, clientId, clientSecret, audience }))
    expect(program).toMatchObject({ ok: true, identity: { kind: 'client', clientId } })
  })

  it('keeps the other issuers of the file, and replaces an entry of the same one', async () => {
    await writeFile(file(), JSON.stringify({ issuers: [{ issuer: 'https://other.example' }] }))
    await connect(provider.issuer)
    const { out } = await connect(provider.issuer, '--speaks-for', 'people')
    expect(out).toContain('in place of its former entry')
    expect((await written()).issuers).toEqual([
      { issuer: 'https://other.example' },
      { issuer: provider.issuer, audience: 'countersign', speaksFor: 'people' },
    ])
    await writeFile(file(), 'no json')
    expect((await connect(provider.issuer)).exitCode).toBe(1)
    expect(await readFile(file(), 'utf8')).toBe('no json')
  })

  it('connects an issuer of workloads for agents only', async () => {
    expect((await connect(provider.issuer, '--workload')).exitCode).toBe(1)
    expect((await connect(provider.issuer, '--workload', '--speaks-for', 'agents')).exitCode).toBe(0)
    expect((await written()).issuers).toMatchObject([{ speaksFor: 'agents', workload: true }])
  })

  const keys = (key: object) => ({ keys: [{ kid: '1', ...key }] })
  const discovery = (change: object = {}) => ({ issuer: origin, jwks_uri: `${origin}/jwks`, ...change })
  it.each<[string, () => Record<string, unknown>, string]>([
    ['that cannot be read', () => ({}), 'answers 404'],
    [
      'that calls itself otherwise',
      () => ({ '/.well-known/openid-configuration': discovery({ issuer: 'https://x.example' }) }),
      'https://x.example',
    ],
    [
      'whose keys are elsewhere in the clear',
      () => ({ '/.well-known/openid-configuration': discovery({ jwks_uri: 'http://x.example/jwks' }) }),
      'names no https address',
    ],
    ['whose keys cannot be read', () => ({ '/.well-known/openid-configuration': discovery() }), 'the key set'],
    [
      'with a symmetric key',
      () => ({ '/.well-known/openid-configuration': discovery(), '/jwks': keys({ kty: 'oct', k: 'c2VjcmV0' }) }),
      'none of its keys',
    ],
    [
      'with a short RSA key',
      () => ({
        '/.well-known/openid-configuration': discovery(),
        '/jwks': keys({ kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 255).toString('base64url') }),
      }),
      'none of its keys',
    ],
    [
      'with keys without an id',
      () => ({ '/.well-known/openid-configuration': discovery(), '/jwks': { keys: [{ kty: 'EC', crv: 'P-256' }] } }),
      'none of its keys',
    ],
  ])('trusts no issuer %s', async (_what, serve, said) => {
    documents = serve()
    const { exitCode, err } = await connect(origin)
    expect(exitCode).not.toBe(0)
    expect(err).toContain(said)
    await expect(stat(file())).rejects.toThrow('ENOENT')
  })

  it('trusts no issuer over plain http from elsewhere, nor the one that is trusted already', async () => {
    expect((await connect('http://idp.example')).err).toContain('https')
    const known = { baseUrl: origin, issuer: origin, audience, cliClientId: 'countersign-cli' }
    await writeFile(join(folder, 'credentials.json'), JSON.stringify(known))
    expect((await connect(origin)).exitCode).toBe(2)
  })

  it('says what will not work when flows are missing', async () => {
    documents = {
      '/.well-known/openid-configuration': discovery(),
      '/jwks': keys({ kty: 'OKP', crv: 'Ed25519', x: 'x' }),
    }
    const { exitCode, out } = await connect(origin)
    expect(exitCode).toBe(0)
    for (const missing of ['no device flow', 'no code flow', 'no client credentials']) expect(out).toContain(missing)
  })
})
