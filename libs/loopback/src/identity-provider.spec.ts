import { mkdtemp, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  clientToken,
  discover,
  type IdentityProvider,
  type IdentityProviderOptions,
  signIn,
  startBrowser,
  startIdentityProvider,
} from './identity-provider.ts'

const audience = 'https://countersign.example'
const ada = { sub: 'ada', name: 'Ada <b>', email: 'ada@corp.example', password: 'correct horse' }
const bo = { sub: 'bo', name: 'Bo', email: 'bo@corp.example', password: 'battery staple', amr: ['pwd', 'otp', 'mfa'] }
const agent = { kind: 'agent', clientId: 'deploy-agent', clientSecret: 'agent-secret-agent-secret' } as const
const clients = [agent, { kind: 'cli', clientId: 'countersign-cli' }] as const

let folder: string
let provider: IdentityProvider
const printed = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'info'), vi.spyOn(console, 'error')]

const options = (port = 0): IdentityProviderOptions => ({
  port,
  people: [ada, bo],
  clients,
  audience,
  signingKeyFile: join(folder, 'signing-key.json'),
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'identity-provider-spec-'))
  provider = await startIdentityProvider(options())
})
afterAll(async () => {
  await provider.stop()
  await rm(folder, { recursive: true, force: true })
})

async function verified(token: string) {
  const keys = createRemoteJWKSet(new URL(provider.jwksUri))
  return jwtVerify(token, keys, { issuer: provider.issuer, audience, typ: 'at+jwt' })
}

const cli = (person: { email: string; password: string }) => ({
  issuer: provider.issuer,
  clientId: 'countersign-cli',
  username: person.email,
  password: person.password,
})

describe('the identity provider', () => {
  it('gives a person who signs in a signed token that says who, through which client, how and when', async () => {
    const before = Math.floor(Date.now() / 1000)
    const { payload, protectedHeader } = await verified(await signIn(cli(ada)))
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(payload).toMatchObject({ sub: 'ada', client_id: 'countersign-cli', acr: 'password', amr: ['pwd'] })
    expect(payload.auth_time).toBeGreaterThanOrEqual(before)
    const strong = await verified(await signIn(cli(bo)))
    expect(strong.payload).toMatchObject({ sub: 'bo', acr: 'mfa', amr: ['pwd', 'otp', 'mfa'] })
  })

  it('gives an agent a token whose subject is the agent itself and that claims no sign-in', async () => {
    const { clientId, clientSecret } = agent
    const { payload } = await verified(await clientToken({ issuer: provider.issuer, clientId, clientSecret, audience }))
    expect(payload).toMatchObject({ sub: 'deploy-agent', client_id: 'deploy-agent' })
    expect(Object.keys(payload)).not.toContain('auth_time')
  })

  it('refuses a wrong password, an unknown person, a wrong secret and an audience it does not serve', async () => {
    await expect(signIn({ ...cli(ada), password: 'correct horsf' })).rejects.toThrow('401')
    await expect(signIn({ ...cli(ada), username: 'eve@corp.example' })).rejects.toThrow('401')
    const wrong = { issuer: provider.issuer, clientId: agent.clientId, clientSecret: 'guess' }
    await expect(clientToken(wrong)).rejects.toThrow('invalid_client')
    const elsewhere = { ...wrong, clientSecret: agent.clientSecret, audience: 'https://other.example' }
    await expect(clientToken(elsewhere)).rejects.toThrow('invalid_target')
  })

  it('lets a device in once a person has confirmed its code and signed in', async () => {
    const { device_authorization_endpoint, token_endpoint } = await discover(provider.issuer)
    const post = async (url: string, fields: Record<string, string>) =>
      (await (await fetch(url, { method: 'POST', body: new URLSearchParams(fields) })).json()) as Record<string, string>
    const device = await post(device_authorization_endpoint, { client_id: 'countersign-cli', scope: 'openid' })
    const poll = () =>
      post(token_endpoint, {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: 'countersign-cli',
        device_code: device.device_code ?? '',
      })
    expect(await poll()).toMatchObject({ error: 'authorization_pending' })

    const browser = startBrowser()
    const typed = await browser.open(device.verification_uri ?? '')
    const confirm = await browser.submit(typed, { user_code: device.user_code ?? '' })
    expect(confirm.text).toContain(device.user_code)
    const form = await browser.submit(confirm, { confirm: 'yes' })
    const done = await browser.submit(form, { login: 'bo', password: bo.password })
    expect(done.text).toContain('Signed in')
    const { payload } = await verified((await poll()).access_token ?? '')
    expect(payload).toMatchObject({ sub: 'bo', client_id: 'countersign-cli', acr: 'mfa' })
  })

  it('keeps its key in a file only its owner can read, so tokens are valid after a restart', async () => {
    const token = await signIn(cli(ada))
    const port = Number(new URL(provider.issuer).port)
    await provider.stop()
    provider = await startIdentityProvider(options(port))
    expect((await verified(token)).payload.sub).toBe('ada')
    expect((await stat(join(folder, 'signing-key.json'))).mode & 0o777).toBe(0o600)
    expect(JSON.stringify(await (await fetch(provider.jwksUri)).json())).not.toContain('"d"')
  })

  it('shows pages that load nothing from elsewhere, cannot be framed and escape what they show', async () => {
    const url = `${provider.issuer}/auth?client_id=%3Cscript%3E&response_type=code`
    const page = await fetch(url)
    expect(await page.text()).not.toContain('<script>')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  })

  it('does not answer to another name that points at this machine', async () => {
    const status = await new Promise((resolve, reject) =>
      request(`${provider.issuer}/jwks`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end(),
    )
    expect(status).toBe(421)
  })

  it('refuses to start with a person and a client of the same name', async () => {
    await expect(startIdentityProvider({ ...options(), people: [{ ...ada, sub: 'deploy-agent' }] })).rejects.toThrow(
      'both a person and a client',
    )
  })

  it('prints nothing', async () => {
    decodeJwt(await signIn(cli(ada)))
    for (const spy of printed) expect(spy).not.toHaveBeenCalled()
  })
})
