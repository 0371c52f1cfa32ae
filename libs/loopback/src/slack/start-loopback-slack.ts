import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PAGE_HEADERS } from '../html.ts'
import { isOwnOrigin, listenOnLoopback, type Reach, readBody, sendJson } from '../loopback-server.ts'
import { checkView } from './block-limits.ts'
import type { View } from './blocks.ts'
import { blockActions, type Delivery, deliver, viewSubmission } from './interaction.ts'
import { type Arguments, METHODS, readContent, refused } from './web-api.ts'
import { type Message, type OpenView, type SlackChannel, type SlackPerson, Workspace } from './workspace.ts'
import { PAGE_SCRIPT, workspacePage } from './workspace-page.ts'

export type LoopbackSlackOptions = {
  /** TCP port on 127.0.0.1; 0 picks a free one. */
  readonly port: number
  readonly reach?: Reach
  /** Shared with the app, which checks with it that interactions come from here. */
  readonly signingSecret: string
  /** The only token the Web API takes. */
  readonly botToken: string
  /** The app's request URL for interactions; `connect` can set it later. */
  readonly eventsUrl?: string
  /** At least one; ids begin with `U`. */
  readonly people: readonly [SlackPerson, ...SlackPerson[]]
  /** Ids begin with `C`; `#approvals` if absent. */
  readonly channels?: readonly SlackChannel[]
  /** How long an app may take to answer an interaction, and how long a trigger opens a modal; Slack's 3 s if absent. */
  readonly appTimeoutMs?: number
}

export type Click = { readonly channel: string; readonly ts: string; readonly actionId: string; readonly user: string }
/** `values` by block id, by action id or by `block_id/action_id`. */
export type Submission = { readonly user: string; readonly values: Readonly<Record<string, string>> }
/** What the Web API answers instead: an error code, or 429 with `Retry-After`. */
export type Refusal = { readonly error: string } | { readonly retryAfterSeconds: number }

export type LoopbackSlack = {
  readonly origin: string
  /** For `slackApiUrl` of Slack's own client. */
  readonly apiUrl: string
  /** Tells where interactions go. */
  connect(eventsUrl: string): void
  /** In posting order; of one channel, or of all. Ephemeral ones are marked with `onlyFor`. */
  messages(channel?: string): readonly Message[]
  /** The modal that a person has open. */
  view(user: string): OpenView | undefined
  /** Presses a button as a person and returns what the app answered. @throws if there is no such button to see */
  clickButton(click: Click): Promise<Delivery>
  /** Submits the modal a person has open and does what the app answers. @throws if none is open */
  submitView(submission: Submission): Promise<Delivery>
  /** Refuses the next calls of a method. */
  refuseNext(method: string, refusal: Refusal, times?: number): void
  stop(): Promise<void>
}

const LONG_POLL_MS = 20_000

/**
 * A Slack workspace on this machine for demo and tests: the Web API with its limits, signed interactions, and a page at
 * `/` where a person reads cards and presses buttons.
 */
export async function startLoopbackSlack(options: LoopbackSlackOptions): Promise<LoopbackSlack> {
  const { signingSecret, botToken, people, appTimeoutMs = 3000 } = options
  const workspace = new Workspace(people, options.channels ?? [{ id: 'C0APPROVALS', name: 'approvals' }], appTimeoutMs)
  const refusals = new Map<string, Refusal[]>()
  const stopping = new AbortController()
  const server = await listenOnLoopback({ port: options.port, reach: options.reach })
  const { origin } = server
  let eventsUrl = options.eventsUrl

  const send = async (payload: object): Promise<Delivery> => {
    if (eventsUrl === undefined) throw new Error('No app is connected')
    return deliver(eventsUrl, { signingSecret, payload, timeoutMs: appTimeoutMs })
  }
  const personOf = (id: string): SlackPerson => {
    const person = workspace.person(id)
    if (!person) throw new Error(`There is no person ${id}`)
    return person
  }
  const clickButton = async ({ channel, ts, actionId, user }: Click): Promise<Delivery> => {
    const message = workspace.message(channel, ts)
    if (!message) throw new Error(`There is no message ${ts} in ${channel}`)
    return send(blockActions(workspace, { message, actionId, person: personOf(user), origin }))
  }
  const submitView = async ({ user, values }: Submission): Promise<Delivery> => {
    const view = workspace.view(user)
    if (!view) throw new Error(`${user} has no modal open`)
    const delivery = await send(viewSubmission(workspace, { view, person: personOf(user), values }))
    if (delivery.status === 200) answerView(workspace, view, delivery.body)
    return delivery
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', origin)
    if (pathname.startsWith('/api/') && request.method === 'POST') {
      const method = pathname.slice('/api/'.length)
      const args = await readArguments(request)
      if (!isToken(request, args, botToken)) return sendJson(response, 200, refused('invalid_auth'))
      const refusal = refusals.get(method)?.shift()
      if (refusal && 'retryAfterSeconds' in refusal) {
        response.setHeader('retry-after', String(refusal.retryAfterSeconds))
        return sendJson(response, 429, refused('ratelimited'))
      }
      const call = METHODS[method]
      const result = refusal ? refused(refusal.error) : call ? call(workspace, args, origin) : refused('unknown_method')
      return sendJson(response, 200, result)
    }
    if (pathname.startsWith('/response/') && request.method === 'POST') {
      const done = respond(workspace, pathname.slice('/response/'.length), await readArguments(request))
      return sendJson(response, done ? 200 : 404, done ? { ok: true } : refused('used_url'))
    }
    if (pathname.startsWith('/loopback/') && request.method === 'POST') {
      if (!isOwnOrigin(request, origin)) return sendJson(response, 403, refused('other_origin'))
      const args = (await readArguments(request)) as Record<string, string>
      const act = async (): Promise<Delivery | undefined> => {
        if (pathname === '/loopback/click') return clickButton(args as Click)
        if (pathname !== '/loopback/submit') throw new Error('There is nothing here')
        if (args.close === undefined) return submitView({ user: args.user ?? '', values: fieldValues(args) })
        workspace.closeView(args.user ?? '')
        return undefined
      }
      const outcome = await act().catch((error: Error) => error)
      return answerAction(request, response, { outcome, user: args.user ?? '' })
    }
    if (request.method !== 'GET') return sendJson(response, 405, refused('method_not_allowed'))
    if (pathname === '/loopback/messages') {
      const channel = searchParams.get('channel') ?? undefined
      const { version, channels } = workspace
      return sendJson(response, 200, { version, people, channels, messages: workspace.messages(channel) })
    }
    if (pathname === '/loopback/version') {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LONG_POLL_MS)])
      const after = Number(searchParams.get('after') ?? 0)
      return sendJson(response, 200, { version: await workspace.newerThan(after, signal) })
    }
    if (pathname === '/loopback/page.js') {
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(PAGE_SCRIPT)
      return
    }
    const permalink = /^\/archives\/\w+\/p(\d+)(\d{6})$/.exec(pathname)
    if (permalink) {
      response.writeHead(303, { location: `/#m${permalink[1]}.${permalink[2]}` }).end()
      return
    }
    if (pathname !== '/') return sendJson(response, 404, refused('not_found'))
    const viewer = workspace.person(searchParams.get('user') ?? '') ?? people[0]
    const problem = searchParams.get('problem') ?? undefined
    response.writeHead(200, PAGE_HEADERS).end(workspacePage(workspace, viewer, problem && PROBLEMS[problem]))
  }
  server.handle((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (!response.headersSent) sendJson(response, 400, refused('invalid_request'))
      else response.destroy(error)
    })
  })

  return {
    origin,
    apiUrl: `${origin}/api/`,
    connect: (url) => {
      eventsUrl = url
    },
    messages: (channel) => workspace.messages(channel),
    view: (user) => workspace.view(user),
    clickButton,
    submitView,
    refuseNext: (method, refusal, times = 1) => {
      refusals.set(method, [...(refusals.get(method) ?? []), ...Array<Refusal>(times).fill(refusal)])
    },
    stop: () => {
      stopping.abort()
      return server.close()
    },
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  app: 'The app did not take that. Try again.',
  gone: 'That is not there any more, or no app is connected.',
}

type Action = { outcome: Delivery | undefined | Error; user: string }

/** A form goes back to the page, a program gets JSON. */
function answerAction(request: IncomingMessage, response: ServerResponse, { outcome, user }: Action): void {
  const failed = outcome instanceof Error
  if (request.headers['content-type']?.startsWith('application/json')) {
    const status = outcome === undefined || failed ? undefined : outcome.status
    const body = failed ? { ok: false, error: outcome.message } : { ok: true, status }
    return sendJson(response, failed ? 400 : 200, body)
  }
  const problem = failed ? 'gone' : outcome !== undefined && outcome.status !== 200 ? 'app' : undefined
  const query = new URLSearchParams({ user, ...(problem !== undefined && { problem }) })
  response.writeHead(303, { location: `/?${query.toString()}` }).end()
}

/** docs.slack.dev, "Modals": what an app may answer to a submission. An empty answer closes the modal. */
function answerView(workspace: Workspace, view: OpenView, body: string): void {
  const {
    response_action,
    errors,
    view: next,
  } = (body.trim() === '' ? {} : JSON.parse(body)) as {
    response_action?: string
    errors?: Record<string, string>
    view?: View
  }
  if (response_action === 'errors' && errors) return workspace.showViewErrors(view, errors)
  if ((response_action === 'update' || response_action === 'push') && next) {
    const refusal = checkView(next)
    if (refusal) throw new Error(`The app answered with a view that Slack refuses: ${refusal.error}`)
    workspace.showView(view.user, next)
    return
  }
  workspace.closeView(view.user)
}

/** The app's later answer to an interaction, through its response URL. */
function respond(workspace: Workspace, token: string, args: Arguments): boolean {
  const source = workspace.useResponseUrl(token)
  if (!source) return false
  const { channel, ts, user } = source
  const message = workspace.message(channel, ts)
  if (args.delete_original === true) {
    if (message) workspace.remove(message)
    return true
  }
  const content = readContent(args)
  if ('ok' in content) return false
  if (args.replace_original === true && message) workspace.edit(message, content)
  else workspace.post({ ...content, channel, ...(args.response_type !== 'in_channel' && { onlyFor: user }) })
  return true
}

async function readArguments(request: IncomingMessage): Promise<Arguments> {
  const body = await readBody(request)
  if (!request.headers['content-type']?.startsWith('application/json'))
    return Object.fromEntries(new URLSearchParams(body))
  const value = JSON.parse(body) as unknown
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('The body is not a JSON object')
  return value as Arguments
}

function fieldValues(args: Readonly<Record<string, unknown>>): Record<string, string> {
  const fields = typeof args.values === 'object' && args.values !== null ? args.values : args
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function isToken(request: IncomingMessage, args: Arguments, botToken: string): boolean {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  const given = bearer ?? (typeof args.token === 'string' ? args.token : '')
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(botToken))
}
