import { createHmac } from 'node:crypto'
import { elementsOf } from './blocks.ts'
import { BOT, type Message, type OpenView, type SlackPerson, type Workspace } from './workspace.ts'

/** A signed request as it was sent to the app; sending it again is a replay. */
export type SignedRequest = { readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** What the app answered in time. */
export type Delivery = { readonly request: SignedRequest; readonly status: number; readonly body: string }

/** Signs as docs.slack.dev, "Verifying requests from Slack": `v0=` HMAC-SHA256 over `v0:timestamp:body`. */
export function signRequest(signingSecret: string, body: string, nowMs: number): SignedRequest {
  const timestamp = String(Math.floor(nowMs / 1000))
  const signature = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')
  return {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
    },
    body,
  }
}

/** Sends an interaction payload to the app's request URL. @throws if the app is not reachable or takes longer than the timeout */
export async function deliver(
  url: string,
  { signingSecret, payload, timeoutMs }: { signingSecret: string; payload: object; timeoutMs: number },
): Promise<Delivery> {
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
  const request = signRequest(signingSecret, body, Date.now())
  const response = await fetch(url, {
    method: 'POST',
    headers: request.headers,
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  return { request, status: response.status, body: await response.text() }
}

type Click = {
  readonly message: Message
  readonly actionId: string
  readonly person: SlackPerson
  readonly origin: string
}

/** Payload of a pressed button. @throws if the message has no such button or the person can't see it */
export function blockActions(workspace: Workspace, { message, actionId, person, origin }: Click): object {
  const found = [...elementsOf(message.blocks)].find(
    ({ element }) => element.type === 'button' && element.action_id === actionId,
  )
  if (!found || (message.onlyFor !== undefined && message.onlyFor !== person.id)) {
    throw new Error(`${person.name} sees no button ${actionId} in message ${message.ts}`)
  }
  const { block, element } = found
  const { text, blocks, ts, channel, onlyFor } = message
  return {
    type: 'block_actions',
    ...commonFields(workspace, person),
    container: { type: 'message', message_ts: ts, channel_id: channel, is_ephemeral: onlyFor !== undefined },
    channel: { id: channel, name: workspace.channel(channel)?.name },
    ...(onlyFor === undefined && { message: messageFields(workspace, { text, blocks, ts }) }),
    state: { values: {} },
    response_url: `${origin}/response/${workspace.newResponseUrl(message, person.id)}`,
    actions: [{ ...element, block_id: block.block_id, action_ts: ts }],
  }
}

/** Payload of a submitted modal. @param values by `block_id`, by `action_id` or by `block_id/action_id` */
export function viewSubmission(
  workspace: Workspace,
  { view, person, values }: { view: OpenView; person: SlackPerson; values: Readonly<Record<string, string>> },
): object {
  const state: Record<string, Record<string, unknown>> = {}
  for (const { block, element } of elementsOf(view.blocks)) {
    if (block.type !== 'input') continue
    const [blockId, actionId] = [block.block_id ?? '', element.action_id ?? '']
    const value = values[`${blockId}/${actionId}`] ?? values[actionId] ?? values[blockId] ?? ''
    const option = element.options?.find((candidate) => candidate.value === value) ?? null
    state[blockId] = {
      [actionId]: {
        type: element.type,
        ...(element.options ? { selected_option: option } : { value: value === '' ? null : value }),
      },
    }
  }
  const { user: _user, errors: _errors, ...shown } = view
  return {
    type: 'view_submission',
    ...commonFields(workspace, person),
    view: {
      private_metadata: '',
      callback_id: '',
      ...shown,
      state: { values: state },
      team_id: workspace.team.id,
      app_id: BOT.appId,
      bot_id: BOT.botId,
      root_view_id: view.id,
      previous_view_id: null,
      external_id: '',
    },
    response_urls: [],
  }
}

/** A message as the Web API shows it. */
export function messageFields(
  workspace: Workspace,
  { text, blocks, ts }: Pick<Message, 'text' | 'blocks' | 'ts'>,
): object {
  return {
    type: 'message',
    user: BOT.userId,
    bot_id: BOT.botId,
    app_id: BOT.appId,
    team: workspace.team.id,
    ts,
    text,
    blocks,
  }
}

function commonFields(workspace: Workspace, person: SlackPerson): object {
  return {
    team: workspace.team,
    user: { id: person.id, username: person.name, name: person.name, team_id: workspace.team.id },
    api_app_id: BOT.appId,
    token: 'deprecated',
    enterprise: null,
    is_enterprise_install: false,
    trigger_id: workspace.newTrigger(person.id),
  }
}
