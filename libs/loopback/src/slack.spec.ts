import { App, LogLevel, verifySlackRequest } from '@slack/bolt'
import { type KnownBlock, LogLevel as ClientLogLevel, WebClient } from '@slack/web-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './identity-provider.ts'
import { type LoopbackSlack, startLoopbackSlack } from './slack.ts'

const signingSecret = 'spec-signing-secret'
const botToken = 'xoxb-spec'
const channel = 'C0APPROVALS'
let slack: LoopbackSlack
let client: WebClient
let app: App

const webClient = (token: string) =>
  new WebClient(token, { slackApiUrl: slack.apiUrl, rejectRateLimitedCalls: true, logLevel: ClientLogLevel.ERROR })

const section = (text: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text } })
const button = (actionId: string, value = 'v'): KnownBlock => ({
  type: 'actions',
  elements: [{ type: 'button', action_id: actionId, value, text: { type: 'plain_text', text: `Press ${actionId}` } }],
})
const post = async (blocks: KnownBlock[], text = 'A card') => {
  const { ts } = await client.chat.postMessage({ channel, text, blocks })
  return ts ?? ''
}
const reasonModal = {
  type: 'modal' as const,
  callback_id: 'reason',
  title: { type: 'plain_text' as const, text: 'Deny' },
  submit: { type: 'plain_text' as const, text: 'Send' },
  blocks: [
    {
      type: 'input' as const,
      block_id: 'reason',
      label: { type: 'plain_text' as const, text: 'Why?' },
      element: { type: 'plain_text_input' as const, action_id: 'text', multiline: true },
    },
  ],
}

beforeAll(async () => {
  slack = await startLoopbackSlack({
    port: 0,
    signingSecret,
    botToken,
    appTimeoutMs: 60_000,
    people: [
      { id: 'U0ADA', name: 'Ada', email: 'ada@corp.example' },
      { id: 'U0BO', name: 'Bo', email: 'bo@corp.example' },
    ],
  })
  client = webClient(botToken)
  app = new App({
    token: botToken,
    signingSecret,
    clientOptions: { slackApiUrl: slack.apiUrl },
    logLevel: LogLevel.ERROR,
  })
  app.action('deny', async ({ ack, body, client: api, respond }) => {
    await ack()
    if (!('trigger_id' in body) || body.type !== 'block_actions') return
    await api.views.open({ trigger_id: body.trigger_id, view: reasonModal })
    const again = await api.views.open({ trigger_id: body.trigger_id, view: reasonModal }).then(
      () => 'opened twice',
      (error: Error) => error.message,
    )
    await respond({ response_type: 'ephemeral', replace_original: false, text: `${body.user.id} ${again}` })
  })
  app.view('reason', async ({ ack, view, body, client: api }) => {
    const reason = view.state.values.reason?.text?.value ?? ''
    if (reason.length < 3) return ack({ response_action: 'errors', errors: { reason: 'Say more' } })
    await ack()
    await api.chat.postMessage({ channel, text: `${body.user.id} denied: ${reason}` })
  })
  const listening = await app.start({ port: 0, host: '127.0.0.1' })
  const address = listening.address()
  if (typeof address !== 'object' || address === null) throw new Error('Bolt has no port')
  slack.connect(`http://127.0.0.1:${address.port}/slack/events`)
})
afterAll(async () => {
  await app.stop()
  await slack.stop()
})

describe('the Web API of the loopback workspace', () => {
  it('serves Slack’s own client and keeps what a message said before each edit', async () => {
    expect(await client.auth.test()).toMatchObject({ ok: true, team_id: 'T0LOOP', bot_id: 'B0BOT' })
    expect((await client.conversations.list()).channels).toMatchObject([{ id: channel, name: 'approvals' }])
    expect((await client.users.info({ user: 'U0ADA' })).user?.profile?.email).toBe('ada@corp.example')
    await expect(client.users.info({ user: 'U0EVE' })).rejects.toThrow('user_not_found')

    const ts = await post([section('one')])
    await client.chat.update({ channel, ts, text: 'second', blocks: [section('two')] })
    await client.chat.update({ channel, ts, text: 'third', blocks: [] })
    const message = slack.messages(channel).find((candidate) => candidate.ts === ts)
    expect(message).toMatchObject({ text: 'third', blocks: [] })
    expect(message?.history).toMatchObject([
      { text: 'A card', blocks: [{ text: { text: 'one' } }] },
      { text: 'second', blocks: [{ text: { text: 'two' } }] },
    ])
    await expect(client.chat.update({ channel, ts: '1.000001', text: 'x' })).rejects.toThrow('message_not_found')
    const { permalink } = await client.chat.getPermalink({ channel, message_ts: ts })
    expect((await fetch(permalink ?? '', { redirect: 'manual' })).headers.get('location')).toBe(`/#m${ts}`)
  })

  it('takes forms and JSON, and only with the bot’s token', async () => {
    const call = (authorization: string) =>
      fetch(`${slack.apiUrl}chat.postMessage`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ channel: '#approvals', blocks: [section('from JSON')] }),
      }).then((response) => response.json() as Promise<unknown>)
    expect(await call(`Bearer ${botToken}`)).toMatchObject({ ok: true, channel })
    expect(await call('Bearer xoxb-other')).toEqual({ ok: false, error: 'invalid_auth' })
    await expect(webClient('xoxb-other').auth.test()).rejects.toThrow('invalid_auth')
  })

  it('shows an ephemeral message and a direct one to nobody else', async () => {
    await client.chat.postEphemeral({ channel, user: 'U0ADA', text: 'only for Ada' })
    const pageOf = async (user: string) => (await fetch(`${slack.origin}/?user=${user}`)).text()
    expect(await pageOf('U0ADA')).toContain('only for Ada')
    expect(await pageOf('U0BO')).not.toContain('only for Ada')
    expect((await client.chat.postMessage({ channel: 'U0BO', text: 'direct' })).channel).toBe('D0BO')
  })

  const atMost: [string, (size: number) => KnownBlock[], number, string][] = [
    ['blocks of a message', (size) => Array.from({ length: size }, () => section('x')), 50, 'invalid_blocks'],
    ['characters of a section', (size) => [section('x'.repeat(size))], 3000, 'invalid_blocks'],
    ['characters of a field', (size) => [fields('x'.repeat(size))], 2000, 'invalid_blocks'],
    ['fields', (size) => [fields(...Array<string>(size).fill('x'))], 10, 'invalid_blocks'],
    ['characters of a header', (size) => [header('x'.repeat(size))], 150, 'invalid_blocks'],
    ['characters of a button’s value', (size) => [button('b', 'x'.repeat(size))], 2000, 'invalid_blocks'],
    ['characters of all blocks', (size) => spread(size), 13_200, 'msg_blocks_too_long'],
  ]
  it.each(atMost)('takes the most %s that Slack takes and refuses one more', async (_what, blocks, most, error) => {
    expect(await post(blocks(most))).not.toBe('')
    await expect(post(blocks(most + 1))).rejects.toThrow(error)
  })

  it('answers 429 with Retry-After when told to, and an error code when told to', async () => {
    slack.refuseNext('chat.postMessage', { retryAfterSeconds: 7 })
    slack.refuseNext('chat.postMessage', { error: 'account_inactive' })
    await expect(post([section('x')])).rejects.toMatchObject({ retryAfter: 7 })
    await expect(post([section('x')])).rejects.toThrow('account_inactive')
    expect(await post([section('x')])).not.toBe('')
  })
})

describe('interactions of the loopback workspace', () => {
  it('carry a real Bolt app through a click, a modal with an error and a submission; a trigger works once', async () => {
    const ts = await post([section('Deploy?'), button('deny')])
    const click = await slack.clickButton({ channel, ts, actionId: 'deny', user: 'U0BO' })
    expect(click.status).toBe(200)
    await expect.poll(() => slack.messages(channel).at(-1)?.text).toContain('U0BO')
    expect(slack.messages(channel).at(-1)).toMatchObject({ onlyFor: 'U0BO' })
    expect(slack.messages(channel).at(-1)?.text).toContain('exchanged_trigger_id')

    await slack.submitView({ user: 'U0BO', values: { reason: 'no' } })
    expect(slack.view('U0BO')?.errors).toEqual({ reason: 'Say more' })
    expect(slack.view('U0ADA')).toBeUndefined()
    await slack.submitView({ user: 'U0BO', values: { 'reason/text': 'freeze week' } })
    expect(slack.view('U0BO')).toBeUndefined()
    await expect.poll(() => slack.messages(channel).at(-1)?.text).toBe('U0BO denied: freeze week')
  })

  it('are signed as Slack signs: Bolt’s verifier takes them, and not with one byte changed', async () => {
    const ts = await post([button('deny')])
    const { request } = await slack.clickButton({ channel, ts, actionId: 'deny', user: 'U0ADA' })
    const check = (body: string, secret: string) =>
      verifySlackRequest({
        signingSecret: secret,
        body,
        headers: {
          'x-slack-signature': request.headers['x-slack-signature'] ?? '',
          'x-slack-request-timestamp': Number(request.headers['x-slack-request-timestamp']),
        },
      })
    expect(() => check(request.body, signingSecret)).not.toThrow()
    expect(() => check(`${request.body} `, signingSecret)).toThrow('signature mismatch')
    expect(() => check(request.body, 'other')).toThrow('signature mismatch')
  })

  it('can only press what is there to see', async () => {
    const ts = await post([button('deny')])
    await expect(slack.clickButton({ channel, ts, actionId: 'approve', user: 'U0BO' })).rejects.toThrow('no button')
    await expect(slack.clickButton({ channel, ts, actionId: 'deny', user: 'U0EVE' })).rejects.toThrow('no person')
    const { message_ts } = await client.chat.postEphemeral({
      channel,
      user: 'U0ADA',
      blocks: [button('deny')],
      text: '',
    })
    await expect(slack.clickButton({ channel, ts: message_ts ?? '', actionId: 'deny', user: 'U0BO' })).rejects.toThrow(
      'no button',
    )
  })
})

describe('the page of the loopback workspace', () => {
  it('lets a person click, read the modal with its label and submit it, all with plain forms', async () => {
    const ts = await post([button('deny')])
    const browser = startBrowser()
    const click = { channel, ts, actionId: 'deny', user: 'U0ADA' }
    const page = await browser.open(`${slack.origin}/?user=U0ADA`)
    expect(page.text).toContain('Press deny</button>')
    const posted = await fetch(`${slack.origin}/loopback/click`, { method: 'POST', body: new URLSearchParams(click) })
    expect(posted.url).toBe(`${slack.origin}/?user=U0ADA`)
    await expect.poll(() => slack.view('U0ADA')).toBeDefined()
    expect(await (await fetch(posted.url)).text()).toContain('<label for="reason/text">Why?</label>')
    const fields = { user: 'U0ADA', 'reason/text': 'not today' }
    await fetch(`${slack.origin}/loopback/submit`, { method: 'POST', body: new URLSearchParams(fields) })
    await expect.poll(() => slack.messages(channel).at(-1)?.text).toBe('U0ADA denied: not today')
    const listed = (await (await fetch(`${slack.origin}/loopback/messages?channel=${channel}`)).json()) as {
      messages: { text: string }[]
    }
    expect(listed.messages.at(-1)?.text).toBe('U0ADA denied: not today')
  })

  it('takes no click from a page of another origin', async () => {
    const ts = await post([button('deny')])
    const body = new URLSearchParams({ channel, ts, actionId: 'deny', user: 'U0ADA' })
    const from = (headers: Record<string, string>) =>
      fetch(`${slack.origin}/loopback/click`, { method: 'POST', headers, body }).then(({ status }) => status)
    expect(await from({ origin: 'http://evil.example' })).toBe(403)
    expect(await from({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  it('shows a link to the web as one', async () => {
    await post([section('Read the <https://corp.example/a?b=1&amp;c=2|*run book*>')])
    expect(await (await fetch(slack.origin)).text()).toContain(
      '<a href="https://corp.example/a?b=1&#38;c=2" rel="noreferrer">*run book*</a>',
    )
  })

  const attacks = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '<javascript:alert(1)|click>',
    '<data:text/html,x|click>',
    '&lt;svg onload=alert(1)&gt;',
    '*<b onmouseover=alert(1)>*',
    '```</pre><script>alert(1)</script>```',
  ]
  it.each(attacks)('shows %s as text wherever it is put', async (text) => {
    await post([section(text), header(text), fields(text), button('deny', text), context(text)], text)
    await client.chat.postMessage({ channel, text })
    const response = await fetch(slack.origin)
    const page = await response.text()
    expect(page.match(/<script/g)).toHaveLength(1)
    expect(page).not.toMatch(/<(img|svg|b)[\s>]/)
    expect(page).not.toMatch(/href="(javascript|data):/i)
    expect(page).not.toMatch(/<[a-z]+[^>"]* on\w+=/i)
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self'/)
  })
})

function header(text: string): KnownBlock {
  return { type: 'header', text: { type: 'plain_text', text } }
}
function fields(...texts: string[]): KnownBlock {
  return { type: 'section', fields: texts.map((text) => ({ type: 'mrkdwn', text })) }
}
function context(text: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] }
}
function spread(size: number): KnownBlock[] {
  return [...Array.from({ length: Math.floor(size / 2000) }, () => 2000), size % 2000].map((part) =>
    section('x'.repeat(part)),
  )
}
