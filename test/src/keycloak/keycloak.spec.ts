import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { countersign } from '@countersign/client'
import { startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call } from '../instance/call.ts'
import { runCommand } from '../instance/command-line.ts'
import { freePorts } from '../instance/free-ports.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning } from '../running.ts'
import { concreteOf, exportIntent } from '../stories.ts'
import { type Keycloak, startKeycloak } from './start-keycloak.ts'

const startsWithinMs = 600_000
const redirectUri = 'http://127.0.0.1/back'
const agent = { clientId: 'deploy-bot', clientSecret: randomBytes(24).toString('hex') }
const pagesSecret = randomBytes(24).toString('hex')
const grace = { username: 'grace', password: randomBytes(24).toString('hex') }

type Client = { readonly clientId: string; readonly attributes: object; readonly protocolMappers: readonly object[] }
type Realm = { readonly realm: string; readonly clients: readonly Client[] }

/** The realm of the documentation, with a person, and two clients that are set up otherwise than it says. */
const trialRealm = async () => {
  const file = join(import.meta.dirname, '../../../docs/examples/keycloak-realm.json')
  const realm = JSON.parse(await readFile(file, 'utf8')) as Realm
  const bot = realm.clients.find(({ clientId }) => clientId === agent.clientId)
  return {
    ...realm,
    clients: [
      ...realm.clients,
      { ...bot, clientId: 'bare-bot', defaultClientScopes: ['basic'] },
      { ...bot, clientId: 'old-bot', attributes: {} },
    ],
    users: [
      {
        username: grace.username,
        firstName: 'Grace',
        lastName: 'Hopper',
        email: 'grace@acme.example',
        emailVerified: true,
        enabled: true,
        credentials: [{ type: 'password', value: grace.password }],
      },
    ],
  }
}

let running: Running
let keycloak: Keycloak
beforeAll(async () => {
  running = await startRunning({ bus: 'postgres' })
  const environment = {
    AGENT_CLIENT_SECRET: agent.clientSecret,
    PAGES_CLIENT_SECRET: pagesSecret,
    COUNTERSIGN_URL: running.baseUrl,
  }
  keycloak = await startKeycloak(await trialRealm(), { port: await freePorts(1), environment })
}, startsWithinMs)
afterAll(async () => {
  await keycloak?.stop()
  await running?.stop()
}, startsWithinMs)

const tokenBy = async (fields: Record<string, string>): Promise<string> => {
  const answer = await fetch(`${keycloak.issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(fields),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`Keycloak gave no token: ${answer.status}`)
  return token
}
const agentToken = (clientId = agent.clientId) =>
  tokenBy({ grant_type: 'client_credentials', client_id: clientId, client_secret: agent.clientSecret })

/** Signs in as a browser does: code flow with PKCE. */
const personToken = async (): Promise<string> => {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'countersign-cli',
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const browser = startBrowser()
  const form = await browser.open(`${keycloak.issuer}/protocol/openid-connect/auth?${query.toString()}`)
  const back = await browser.submit(form, grace, redirectUri)
  const code = new URL(back.url).searchParams.get('code') ?? ''
  return tokenBy({
    grant_type: 'authorization_code',
    client_id: 'countersign-cli',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  })
}
const command = async (...argv: string[]) => {
  const { code, out, err } = await runCommand(...argv, '--data-dir', running.dataDir)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}
/** Where a page leads on by itself. */
const onwardIn = (text: string): string =>
  (/<p><a href="([^"]*)">Continue/.exec(text)?.[1] ?? '').replaceAll('&#38;', '&').replaceAll('&#39;', "'")

/** What the product says to a token: what it refuses an intent with that is nobody's. */
const asked = async (token: string) => (await running.call('/v1/intents/none', { token })).code
const subjectOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }).sub

describe('Keycloak with the realm of the documentation', () => {
  it('is connected by one command that has nothing to beware of', async () => {
    const secretFile = join(running.dataDir, 'pages.secret')
    await writeFile(secretFile, pagesSecret, { mode: 0o600 })
    const pages = ['--pages-client', 'countersign-pages', '--pages-secret-file', secretFile]
    const out = await command('idp', 'connect', keycloak.issuer, '--audience', 'urn:countersign:api', ...pages)
    expect(out).not.toContain('beware')
    expect(out).toContain('RS256')
  })

  it('has its agents publish and its people decide, and what was approved runs once', async () => {
    await until(async () => (await asked(await agentToken())) !== 'token_invalid', { what: 'the trusted issuer' })
    const token = await personToken()
    const ben = ['--as', 'ben', '--reason', 'trial']
    const issuer = ['--issuer', keycloak.issuer]
    const owner = ['--owner-person', 'dana']
    await command('people', 'register', subjectOf(token), '--name', 'Grace', ...issuer, ...ben)
    await command('seats', 'add', 'data-owners', subjectOf(token), ...issuer, ...ben)
    const group = await command('seats', 'show', 'data-owners', '--as', 'dana')
    const upTo = /unreviewed +(\d+) by/.exec(group)?.[1] ?? ''
    await command('seats', 'review', 'data-owners', '--up-to', upTo, '--as', 'dana', '--reason', 'trial')
    await command('producers', 'register', 'acme', '--client', agent.clientId, ...issuer, ...owner, ...ben)
    await command('agents', 'register', 'deploy-bot', '--producer', 'acme', ...owner, ...ben)

    const client = countersign({ baseUrl: running.baseUrl, token: () => agentToken() })
    const body = exportIntent({ agent: { name: 'deploy-bot' } })
    const { intentId } = await client.publish(body)
    const review = await until(async () => (await client.read(intentId)).review, { what: 'the review' })
    const at = `${running.baseUrl}/v1/reviews/${review.reviewId}`
    const shown = await until(
      async () => {
        const answer = await call(at, { token })
        return answer.status === 200 ? answer.body : undefined
      },
      { what: 'the review that she may decide' },
    )
    const verdict = { verdict: 'approve', reason: 'ticket checked', presentationDigest: shown['presentationDigest'] }
    const own = await call(`${at}/verdicts`, { token: await agentToken(), body: verdict })
    expect(own.code).toBe('not_human')
    expect((await call(`${at}/verdicts`, { token, body: verdict })).status).toBeLessThan(300)
    expect((await client.awaitDecision(intentId)).state).toBe('approved')
    const grant = await client.collect(intentId)
    const receipt = await client.redeem(grant, concreteOf(body))
    expect(receipt.intentId).toBe(intentId)
    await expect(client.redeem(grant, concreteOf(body))).rejects.toMatchObject({ code: 'already_redeemed' })
  })

  it('signs its people in on the pages, beside the other issuer', async () => {
    const browser = startBrowser()
    const choice = await browser.submit(await browser.open(`${running.baseUrl}/me/keys`), {})
    const onward = await browser.submit(choice, { issuer: keycloak.issuer })
    const login = await browser.open(onwardIn(onward.text))
    const back = await browser.submit(login, grace)
    const page = await browser.open(new URL(onwardIn(back.text), running.baseUrl).href)
    // One factor only, as this realm signs people in.
    expect(page.text).toContain('needs a sign-in with several factors')
    expect(page.text).toContain('Sign out')
  })

  it('passes none of its programs for a person, whatever their tokens leave out', async () => {
    for (const clientId of [agent.clientId, 'bare-bot']) {
      const answer = await running.call('/v1/directory/people', { token: await agentToken(clientId) })
      expect([clientId, answer.code]).toEqual([clientId, 'not_human'])
    }
  })

  it('has no token taken of a client that does not sign them as access tokens', async () => {
    expect(await asked(await agentToken('old-bot'))).toBe('token_invalid')
  })
})
