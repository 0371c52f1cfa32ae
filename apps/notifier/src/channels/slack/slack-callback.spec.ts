import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asking } from '../../asking.fixture.ts'
import {
  type NotifierWorld,
  signingSecret,
  slackChannel,
  slackIdOf,
  startWorld,
  until,
} from '../../notifier-world.fixture.ts'

let at: NotifierWorld
let asking: Asking
let value: string

beforeAll(async () => {
  at = await startWorld()
  asking = await at.ask()
  await at.carry(asking)
  const card = await at.card(asking)
  value =
    card.blocks.flatMap(({ elements = [] }) => elements).find(({ action_id }) => action_id === 'approve')?.value ?? ''
})
afterAll(() => at.stop())

const nowSeconds = () => Math.floor(Date.now() / 1_000)
const sign = (body: string, timestamp: string, secret = signingSecret) =>
  `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`
const send = async (body: string, headers: Record<string, string>, type = 'application/x-www-form-urlencoded') => {
  const response = await fetch(`${at.url}/callbacks/slack`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body,
  })
  await response.text()
  return response.status
}
const signed = (body: string, timestamp = String(nowSeconds())) => ({
  'x-slack-request-timestamp': timestamp,
  'x-slack-signature': sign(body, timestamp),
})
const form = (payload: unknown) => new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
/** Each press differs, as Slack's do: else it would be a replay. */
let presses = 0
const press = (over: Record<string, unknown> = {}) => ({
  type: 'block_actions',
  team: { id: 'T0LOOP' },
  user: { id: slackIdOf('erin'), team_id: 'T0LOOP', name: 'the CISO' },
  channel: { id: slackChannel },
  trigger_id: `1.${(presses += 1)}`,
  actions: [{ type: 'button', action_id: 'approve', value }],
  ...over,
})
const sendPayload = (payload: unknown) => {
  const body = form(payload)
  return send(body, signed(body))
}
const refusals = () => at.attemptsNamed(asking, 'VerdictRefused')

describe('a callback that Slack did not sign, or not now', () => {
  const body = () => form(press())
  it.each([
    ['no headers', (_: string) => ({})],
    ['no signature', (text: string) => ({ ...signed(text), 'x-slack-signature': '' })],
    ['no timestamp', (text: string) => ({ 'x-slack-signature': signed(text)['x-slack-signature'] })],
    [
      'another workspace’s secret',
      (text: string) => {
        const timestamp = String(nowSeconds())
        return {
          'x-slack-request-timestamp': timestamp,
          'x-slack-signature': sign(text, timestamp, 'another-secret-of-slack'),
        }
      },
    ],
    [
      'another version',
      (text: string) => ({
        ...signed(text),
        'x-slack-signature': signed(text)['x-slack-signature'].replace('v0', 'v1'),
      }),
    ],
    [
      'upper-case hex',
      (text: string) => ({
        ...signed(text),
        'x-slack-signature': signed(text)['x-slack-signature'].toUpperCase().replace('V0', 'v0'),
      }),
    ],
    [
      'a short signature',
      (text: string) => ({ ...signed(text), 'x-slack-signature': signed(text)['x-slack-signature'].slice(0, -1) }),
    ],
    [
      'a long signature',
      (text: string) => ({ ...signed(text), 'x-slack-signature': `${signed(text)['x-slack-signature']}0` }),
    ],
    [
      'two signatures',
      (text: string) => ({
        ...signed(text),
        'x-slack-signature': `${signed(text)['x-slack-signature']}, ${signed(text)['x-slack-signature']}`,
      }),
    ],
    ['301 s ago', (text: string) => signed(text, String(nowSeconds() - 301))],
    ['an hour ahead', (text: string) => signed(text, String(nowSeconds() + 3_600))],
    ['302 s ahead', (text: string) => signed(text, String(nowSeconds() + 302))],
    ['no number', (text: string) => signed(text, 'NaN')],
    ['an exponent', (text: string) => signed(text, '1e9')],
    ['a hex number', (text: string) => signed(text, `0x${nowSeconds().toString(16)}`)],
    ['milliseconds', (text: string) => signed(text, String(Date.now()))],
  ])('is refused: %s', async (_name, headers) => {
    const text = body()
    expect(await send(text, headers(text) as Record<string, string>)).toBe(401)
  })

  it('is refused when one byte of the body differs from what was signed, however it is written', async () => {
    const text = body()
    const headers = signed(text)
    expect(await send(`${text}&`, headers)).toBe(401)
    expect(await send(text.replace('%22', '"'), headers)).toBe(401)
    expect(await send(text.replace('%20', '+').replace('+', '%20'), headers)).toBe(401)
  })

  it('has recorded nothing', async () => {
    expect(await refusals()).toEqual([])
  })
})

describe('a signed callback', () => {
  it('has its effect once, however often the same bytes come, one after the other or 100 at once', async () => {
    const body = form(press())
    const headers = signed(body)
    expect(await send(body, headers)).toBe(200)
    const before = await until(async () => ((await refusals()).length > 0 ? refusals() : undefined))
    expect(before).toMatchObject([{ code: 'not_eligible', person: at.people.erin }])
    expect(await send(body, headers)).toBe(200)
    const again = form(press())
    const statuses = await Promise.all(
      Array.from({ length: 100 }, () => send(again, signed(again, headers['x-slack-request-timestamp']))),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
    await until(async () => ((await refusals()).length > 1 ? true : undefined))
    await at.idle()
    expect(await refusals()).toHaveLength(2)
  })

  it.each([
    ['an unknown type', () => press({ type: 'shortcut' })],
    ['no actions', () => press({ actions: [] })],
    ['two actions', () => press({ actions: [press().actions[0], press().actions[0]] })],
    ['an unknown button', () => press({ actions: [{ type: 'button', action_id: 'approve_all', value }] })],
    ['no user', () => press({ user: undefined })],
    ['a user id that is none', () => press({ user: { id: '<@U1>' } })],
    ['no object', () => 'x'],
  ])('is refused with 400: %s', async (_name, payload) => {
    expect(await sendPayload(payload())).toBe(400)
  })

  it('is refused when its form is not one payload of JSON', async () => {
    for (const body of ['', 'x=1', `${form(press())}&${form(press())}`, 'payload=%7B', `payload=%FF`]) {
      expect(await send(body, signed(body))).toBe(400)
    }
    const json = JSON.stringify({ type: 'url_verification', challenge: '<b>' })
    expect(await send(json, signed(json), 'application/json')).toBe(415)
    const large = form(press({ more: 'x'.repeat(1_000_000) }))
    expect(await send(large, signed(large))).toBe(413)
  })

  it('of another workspace is refused, also with our button in it', async () => {
    expect(await sendPayload(press({ team: { id: 'T0EVIL' } }))).toBe(403)
  })

  it('with a changed button decides nothing and is recorded as an attempt', async () => {
    const before = (await refusals()).length
    const other = await at.ask()
    await at.carry(other)
    await at.card(other)
    const changes = [
      value.replace(asking.reviewId, other.reviewId),
      value.replace('1.approve', '1.deny'),
      value.slice(0, -4) + (value.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
    ]
    const ben = { id: slackIdOf('ben'), team_id: 'T0LOOP' }
    for (const changed of changes) {
      const actions = [{ type: 'button', action_id: changed.startsWith('1.deny') ? 'deny' : 'approve', value: changed }]
      expect(await sendPayload(press({ user: ben, actions }))).toBe(403)
    }
    // A genuine value on the other button.
    expect(await sendPayload(press({ user: ben, actions: [{ type: 'button', action_id: 'deny', value }] }))).toBe(403)
    expect(
      await sendPayload(press({ user: ben, actions: [{ type: 'button', action_id: 'approve', value: 'x' }] })),
    ).toBe(403)
    expect((await refusals()).slice(before)).toMatchObject([
      { code: 'card_stale', person: at.people.ben, verdict: 'deny' },
      { code: 'card_stale', verdict: 'approve' },
      { code: 'card_stale', verdict: 'approve' },
    ])
    expect(await at.attemptsNamed(other, 'VerdictRefused')).toMatchObject([
      { code: 'card_stale', person: at.people.ben },
    ])
    expect(at.slack.view(slackIdOf('ben'))).toBeUndefined()
    expect(await at.eventsOf(asking)).toHaveLength(3)
  })

  it('from a modal with changed metadata decides nothing', async () => {
    const submission = (privateMetadata: string) => ({
      type: 'view_submission',
      team: { id: 'T0LOOP' },
      user: { id: slackIdOf('ben'), team_id: 'T0LOOP' },
      view: {
        id: 'V1',
        type: 'modal',
        callback_id: 'verdict',
        private_metadata: privateMetadata,
        state: { values: { reason: { text: { value: 'because' } } } },
      },
    })
    for (const metadata of ['', '{}', JSON.stringify([value.replace('1.approve', '1.deny'), slackChannel])]) {
      expect(await sendPayload(submission(metadata))).toBe(403)
    }
    expect(await at.eventsOf(asking)).toHaveLength(3)
  })

  it('calls no address that it names, whatever becomes of it', async () => {
    const called: string[] = []
    const elsewhere = createServer((request, response) => {
      called.push(request.url ?? '')
      response.end()
    }).listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    const { port } = elsewhere.address() as AddressInfo
    const named = `http://127.0.0.1:${port}/response`
    const told = { response_url: named, response_urls: [{ response_url: named, channel_id: slackChannel }] }
    const before = (await refusals()).length
    for (const name of ['erin', 'guest', 'ben'] as const) {
      const user = { id: slackIdOf(name), team_id: 'T0LOOP' }
      expect(await sendPayload(press({ ...told, user, view: told }))).toBe(200)
    }
    await at.idle()
    expect((await refusals()).slice(before)).toMatchObject([{ code: 'not_eligible' }, { code: 'account_not_linked' }])
    elsewhere.close()
    await once(elsewhere, 'close')
    expect(called).toEqual([])
  })

  it('is of who sent it: the message, the app and the organisation that it names change nothing', async () => {
    const before = (await refusals()).length
    const others = {
      api_app_id: 'A0EVIL',
      enterprise: { id: 'E0EVIL', name: 'of somebody else' },
      is_enterprise_install: true,
      message: { user: slackIdOf('ben'), bot_id: 'B0EVIL' },
      container: { type: 'message', channel_id: 'C0EVIL' },
    }
    expect(await sendPayload(press(others))).toBe(200)
    expect(await sendPayload(press({ ...others, team: null }))).toBe(400)
    await at.idle()
    expect((await refusals()).slice(before)).toMatchObject([{ code: 'not_eligible', person: at.people.erin }])
  })

  it('gives a verdict whose reason ends in half a sign, which is not kept', async () => {
    const cut = await at.ask()
    await at.carry(cut)
    const { blocks } = await at.card(cut)
    const deny = blocks.flatMap(({ elements = [] }) => elements).find(({ action_id }) => action_id === 'deny')?.value
    const answered = {
      type: 'view_submission',
      team: { id: 'T0LOOP' },
      user: { id: slackIdOf('ben'), team_id: 'T0LOOP' },
      view: {
        id: 'V2',
        type: 'modal',
        callback_id: 'verdict',
        private_metadata: JSON.stringify([deny, slackChannel]),
        state: { values: { reason: { text: { value: 'not today \ud83d' } } } },
      },
    }
    expect(await sendPayload(answered)).toBe(200)
    expect((await at.eventsOf(cut)).at(-1)).toMatchObject({ type: 'ReviewDenied', data: { by: at.people.ben } })
  })

  it('knows people only by the workspace and id that were linked, never by a name', async () => {
    const before = (await refusals()).length
    const impostor = { id: slackIdOf('ben'), team_id: 'T0OTHER', name: 'ben', username: 'Ben' }
    expect(await sendPayload(press({ user: impostor }))).toBe(200)
    await at.idle()
    expect((await refusals()).slice(before)).toMatchObject([{ code: 'account_not_linked', person: null }])
  })
})
