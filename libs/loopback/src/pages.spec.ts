import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { App, LogLevel } from '@slack/bolt'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { discover, type IdentityProvider, startIdentityProvider } from './identity-provider.ts'
import { type LoopbackSlack, startLoopbackSlack } from './slack.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find(existsSync)

// No browser comes from npm: without one on the machine these rules are held by the screenless browser's specs alone.
describe.skipIf(executablePath === undefined)('the pages, in the Chromium of this machine', () => {
  const channel = 'C0APPROVALS'
  let browser: Browser
  let page: Page
  let slack: LoopbackSlack
  let app: App
  let provider: IdentityProvider
  let folder: string

  beforeAll(async () => {
    browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      // A container has no user namespaces for the sandbox; every page opened here is ours.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    })
    page = await browser.newPage()
    const botToken = 'xoxb-spec'
    const signingSecret = 'spec-signing-secret'
    const people = [
      { id: 'U0ADA', name: 'ada', email: 'ada@corp.example' },
      { id: 'U0BO', name: 'bo', email: 'bo@corp.example' },
    ] as const
    slack = await startLoopbackSlack({ port: 0, signingSecret, botToken, appTimeoutMs: 60_000, people })
    app = new App({
      token: botToken,
      signingSecret,
      clientOptions: { slackApiUrl: slack.apiUrl },
      logLevel: LogLevel.ERROR,
    })
    app.action('deny', async ({ ack, body, client, respond }) => {
      await ack()
      if (body.user.id === 'U0ADA') {
        await respond({ response_type: 'ephemeral', replace_original: false, text: 'It is your own request' })
        return
      }
      if (!('trigger_id' in body)) return
      await client.views.open({
        trigger_id: body.trigger_id,
        view: {
          type: 'modal',
          callback_id: 'reason',
          title: { type: 'plain_text', text: 'Deny' },
          submit: { type: 'plain_text', text: 'Send' },
          blocks: [
            {
              type: 'input',
              block_id: 'reason',
              label: { type: 'plain_text', text: 'Why?' },
              element: { type: 'plain_text_input', action_id: 'text' },
            },
          ],
        },
      })
    })
    app.view('reason', async ({ ack, view, body, client }) => {
      await ack()
      const text = `${body.user.name} denied: ${view.state.values.reason?.text?.value}`
      await client.chat.postMessage({ channel, text })
    })
    const address = (await app.start({ port: 0, host: '127.0.0.1' })).address()
    if (typeof address !== 'object' || address === null) throw new Error('Bolt has no port')
    slack.connect(`http://127.0.0.1:${address.port}/slack/events`)
    folder = await mkdtemp(join(tmpdir(), 'pages-spec-'))
    provider = await startIdentityProvider({
      port: 0,
      people: [{ sub: 'ada', name: 'Ada', email: 'ada@corp.example', password: 'correct horse' }],
      clients: [{ kind: 'cli', clientId: 'countersign-cli' }],
      audience: 'https://countersign.example',
      signingKeyFile: join(folder, 'signing-key.json'),
    })
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    await slack.stop()
    await provider.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('let a person choose who they are, press a button, be answered, and fill in a modal', async () => {
    await app.client.chat.postMessage({
      channel,
      text: 'A card',
      blocks: [
        {
          type: 'actions',
          elements: [{ type: 'button', action_id: 'deny', value: 'v', text: { type: 'plain_text', text: 'Deny…' } }],
        },
      ],
    })
    await page.goto(slack.origin)
    await page.getByRole('button', { name: 'Deny…' }).click()
    await page.getByText('It is your own request').waitFor()
    expect(await page.getByText('only visible to you').count()).toBe(1)

    await page.getByLabel('You are').selectOption('bo')
    await page.getByRole('button', { name: 'Change' }).click()
    await page.waitForURL(`${slack.origin}/?user=U0BO`)
    expect(await page.getByText('only visible to you').count()).toBe(0)
    await page.getByRole('button', { name: 'Deny…' }).click()
    await page.getByLabel('Why?').fill('not today')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('bo denied: not today').waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('let a person confirm a code and sign in', async () => {
    const { device_authorization_endpoint } = await discover(provider.issuer)
    const body = new URLSearchParams({ client_id: 'countersign-cli', scope: 'openid' })
    const device = (await (await fetch(device_authorization_endpoint, { method: 'POST', body })).json()) as {
      verification_uri_complete: string
    }
    await page.goto(device.verification_uri_complete)
    await page.getByRole('button').first().click()
    await page.getByLabel('Password').waitFor()
    await page.locator('input[name=login]').fill('ada')
    await page.getByLabel('Password').fill('correct horse')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Signed in').waitFor()
  })
})
