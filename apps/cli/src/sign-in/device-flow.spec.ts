import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrowser, startIdentityProvider, type IdentityProvider } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Invitation, signInByDevice } from './device-flow.ts'
import { readSession, sessionFile, writeSession } from './session.ts'

const audience = 'urn:countersign:api'
const clientId = 'countersign-cli'
let provider: IdentityProvider
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-login-'))
  provider = await startIdentityProvider({
    port: 0,
    audience,
    people: [{ sub: 'ben', name: 'Ben', email: 'ben@example.com', password: 'right' }],
    clients: [{ kind: 'cli', clientId }],
  })
})
afterAll(async () => {
  await provider.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Does at the page what a person does there. */
const confirm = async ({ url, code }: Invitation): Promise<void> => {
  const browser = startBrowser()
  const page = await browser.open(url.split('?', 1)[0] ?? url)
  const shown = await browser.submit(page, { user_code: code })
  const signIn = await browser.submit(shown, { confirm: 'yes' })
  await browser.submit(signIn, { login: 'ben', password: 'right' })
}

describe('signing in by device', () => {
  it('asks until the person has confirmed the code in a browser, and gives their token', async () => {
    let invitation: Invitation | undefined
    const pauses: number[] = []
    const session = await signInByDevice(
      { issuer: provider.issuer, clientId, audience },
      (invited) => {
        invitation = invited
      },
      async (ms) => {
        // The first time nobody has come yet.
        if (pauses.push(ms) === 2 && invitation !== undefined) await confirm(invitation)
      },
    )
    const [, payload = ''] = session.token.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ sub: 'ben', aud: audience })
    expect(session.expiresAt).toBeGreaterThan(Date.now())
    expect(pauses).toEqual([5_000, 5_000])
  })

  it('refuses a client that the provider does not know', async () => {
    const unknown = signInByDevice({ issuer: provider.issuer, clientId: 'stranger', audience }, () => undefined)
    await expect(unknown).rejects.toThrow('refused this client')
  })
})

describe('a kept sign-in', () => {
  const session = { baseUrl: 'http://127.0.0.1:7400', issuer: 'http://127.0.0.1:7401', token: 'secret', expiresAt: 1 }

  it('is read back, and by its owner only', async () => {
    const path = sessionFile({ XDG_CONFIG_HOME: folder })
    await writeSession(path, session)
    expect(await readSession(path)).toEqual(session)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('is none when the file is not there or not one', async () => {
    expect(await readSession(join(folder, 'none.json'))).toBeUndefined()
  })
})
