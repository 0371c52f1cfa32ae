import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { run } from '@countersign/cli'
import { countersign } from '@countersign/client'
import { startBrowser } from '@countersign/loopback/identity-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call } from '../instance/call.ts'
import { freePorts } from '../instance/free-ports.ts'
import { until } from '../instance/until.ts'
import { type Running, startRunning } from '../running.ts'
import { concreteOf, exportIntent } from '../stories.ts'
import { type Keycloak, startKeycloak } from './start-keycloak.ts'

const startsWithinMs = 600_000
const redirectUri = 'http://127.0.0.1/back'
const agent = { clientId: 'deploy-bot', clientSecret: randomBytes(24).toString('hex') }
const pagesSecret = randomBytes(24).toString('hex')
const personNamed = (username: string) => ({ username, password: randomBytes(24).toString('hex') })
type Person = ReturnType<typeof personNamed>
const [grace, heidi] = [personNamed('grace'), personNamed('heidi')]

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
    users: [grace, heidi].map(({ username, password }) => ({
      username,
      firstName: username,
      lastName: 'Hopper',
      email: `${username}@acme.example`,
      emailVerified: true,
      enabled: true,
      credentials: [{ type: 'password', value: password }],
    })),
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
const personToken = async (person: Person): Promise<string> => {
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
  const back = await browser.submit(form, person, redirectUri)
  const code = new URL(back.url).searchParams.get('code') ?? ''
  return tokenBy({
    grant_type: 'authorization_code',
    client_id: 'countersign-cli',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  })
}
/** The command as somebody at a terminal of their own; `onTold` sees what it tells them while it runs. */
const command = async (who: string, argv: readonly string[], onTold: (text: string) => void = () => undefined) => {
  let out = ''
  let err = ''
  const into = (keep: (text: string) => void) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        keep(chunk.toString())
        done()
      },
    })
  const told = (text: string): void => {
    err += text
    onTold(err)
  }
  const exitCode = await run(argv, {
    streams: { stdout: into((text) => (out += text)), stderr: into(told) },
    env: { XDG_CONFIG_HOME: join(running.dataDir, who), COUNTERSIGN_DATA_DIR: running.dataDir, NO_COLOR: '1' },
    signal: new AbortController().signal,
  })
  return { exitCode, out, err }
}
const done = async (who: string, ...argv: string[]): Promise<string> => {
  const { exitCode, out, err } = await command(who, argv)
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  return out
}

/** Commands of the documentation whose lines begin like this, as they stand there but for the names of the trial. */
const written = async (begins: string, names: Readonly<Record<string, string>> = {}): Promise<string[][]> => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/how-to/connect-keycloak.md'), 'utf8')
  const lines = text.replaceAll(/ \\\n +/g, ' ').split('\n')
  const here = {
    'https://keycloak.example/realms/acme': keycloak.issuer,
    'https://countersign.example': running.baseUrl,
    ...names,
  }
  const found = lines.filter((line) => line.startsWith(`countersign ${begins}`))
  if (found.length === 0) throw new Error(`the documentation has no countersign ${begins}`)
  const named = (word: string): string =>
    Object.entries(here).reduce((all, [name, value]) => all.replace(name, value), word.replaceAll('"', ''))
  return found.map((line) => (line.match(/"[^"]*"|\S+/g) ?? []).slice(1).map(named))
}
const asWritten = async (
  who: string,
  begins: string,
  names: Readonly<Record<string, string>> = {},
  ...more: string[]
) => {
  let out = ''
  for (const argv of await written(begins, names)) out += await done(who, ...argv, ...more)
  return out
}

/** Opens the address that the command shows, signs in and lets it in. */
const letIn = async (told: string, person: Person): Promise<void> => {
  const browser = startBrowser()
  const login = await browser.open(/Open {2}(\S+)/.exec(told)?.[1] ?? '')
  const consent = await browser.submit(login, person)
  const end = await browser.submit(consent, { accept: 'Yes' })
  expect(end.text).toContain('Device Login Successful')
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
    const out = await asWritten('olga', 'idp connect', { 'pages.secret': secretFile })
    expect(out).not.toContain('beware')
    expect(out).toContain('RS256')
  })

  it('lets the second person in at the command line, who is a security admin', async () => {
    await until(async () => (await asked(await agentToken())) !== 'token_invalid', { what: 'the trusted issuer' })
    const subject = subjectOf(await personToken(heidi))
    const more = ['--issuer', keycloak.issuer, '--as', 'ben', '--reason', 'trial']
    await done('ben', 'people', 'register', subject, '--name', 'Heidi', ...more)
    await done('ben', 'seats', 'add', 'security-admins', subject, ...more)
    const upTo = /unreviewed +(\d+) by/.exec(await done('ben', 'seats', 'show', 'security-admins', '--as', 'dana'))?.[1]
    const review = ['seats', 'review', 'security-admins', '--up-to', upTo ?? '', '--reason', 'trial', '--as', 'dana']
    await done('dana', ...review)

    let opened: Promise<void> | undefined
    const [login = []] = await written('login')
    const { exitCode, err } = await command('heidi', login, (told) => {
      if (opened === undefined && told.includes('Code ')) opened = letIn(told, heidi)
    })
    await opened
    expect({ exitCode, err }).toMatchObject({ exitCode: 0, err: expect.stringContaining('Signed in until') as string })
  })

  it('has its agents publish and its people decide, and what was approved runs once', async () => {
    const token = await personToken(grace)
    const subject = { '6d1f…-…': subjectOf(token) }
    const ben = ['--as', 'ben']
    for (const begins of ['people register', 'seats add', 'producers register', 'agents register']) {
      await asWritten('ben', begins, subject, ...ben)
    }

    const client = countersign({ baseUrl: running.baseUrl, token: () => agentToken() })
    const body = exportIntent({ agent: { name: 'deploy-bot' } })
    const reviewOf = async (intentId: string) =>
      until(async () => (await client.read(intentId)).review, { what: 'the review' })
    const early = await reviewOf((await client.publish(body)).intentId)
    expect((await running.call(`/v1/reviews/${early.reviewId}`, { token })).code).toBe('unknown_review')
    const group = await asWritten('heidi', 'seats show data-owners')
    const change = { CHANGE: /unreviewed +(\d+) by/.exec(group)?.[1] ?? '' }
    const [byBen = []] = await written('seats review data-owners', change)
    expect((await command('ben', [...byBen, ...ben])).err).toContain('own_change')
    expect(await asWritten('heidi', 'seats review data-owners', change)).toBe(`reviewed ${change.CHANGE}\n`)

    const { intentId } = await client.publish(body)
    const review = await reviewOf(intentId)
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
