import { checkMessage, checkView } from './block-limits.ts'
import type { Block, View } from './blocks.ts'
import { messageFields } from './interaction.ts'
import { BOT, type Content, type SlackPerson, type Workspace } from './workspace.ts'

/** Arguments of a call, from a form or a JSON body; structures are JSON text in a form. */
export type Arguments = Readonly<Record<string, unknown>>
export type Answer = { readonly ok: boolean } & Readonly<Record<string, unknown>>
type Method = (workspace: Workspace, args: Arguments, origin: string) => Answer

/** The part of Slack's Web API that an app with cards, modals and refusals needs. */
export const METHODS: Readonly<Record<string, Method>> = {
  'auth.test': (workspace, _args, origin) => ({
    ok: true,
    url: `${origin}/`,
    team: workspace.team.domain,
    user: BOT.name,
    team_id: workspace.team.id,
    user_id: BOT.userId,
    bot_id: BOT.botId,
    app_id: BOT.appId,
    is_enterprise_install: false,
  }),

  'chat.postMessage': (workspace, args) => {
    const channel = workspace.channel(text(args, 'channel'))
    if (!channel) return refused('channel_not_found')
    const content = readContent(args)
    if ('ok' in content) return content
    const posted = workspace.post({
      ...content,
      channel: channel.id,
      metadata: structure(args, 'metadata'),
      ...(args.thread_ts !== undefined && { threadTs: text(args, 'thread_ts') }),
    })
    return { ok: true, channel: channel.id, ts: posted.ts, message: messageFields(workspace, posted) }
  },

  'chat.postEphemeral': (workspace, args) => {
    const channel = workspace.channel(text(args, 'channel'))
    if (!channel) return refused('channel_not_found')
    const person = workspace.person(text(args, 'user'))
    if (!person) return refused('user_not_in_channel')
    const content = readContent(args)
    if ('ok' in content) return content
    return { ok: true, message_ts: workspace.post({ ...content, channel: channel.id, onlyFor: person.id }).ts }
  },

  'chat.update': (workspace, args) => {
    const message = workspace.message(text(args, 'channel'), text(args, 'ts'))
    if (!message || message.onlyFor !== undefined) return refused('message_not_found')
    const content = readContent(args, message)
    if ('ok' in content) return content
    const edited = workspace.edit(message, content)
    const { channel, ts } = edited
    return { ok: true, channel, ts, text: edited.text, message: messageFields(workspace, edited) }
  },

  'chat.delete': (workspace, args) => {
    const message = workspace.message(text(args, 'channel'), text(args, 'ts'))
    if (!message) return refused('message_not_found')
    workspace.remove(message)
    return { ok: true, channel: message.channel, ts: message.ts }
  },

  'chat.getPermalink': (workspace, args, origin) => {
    const message = workspace.message(text(args, 'channel'), text(args, 'message_ts'))
    if (!message) return refused('message_not_found')
    const { channel, ts } = message
    return { ok: true, channel, permalink: `${origin}/archives/${channel}/p${ts.replace('.', '')}` }
  },

  'views.open': (workspace, args) => {
    const view = structure(args, 'view')
    const refusal = checkView(view)
    if (refusal) return refused(refusal.error, refusal.messages)
    const trigger = workspace.useTrigger(text(args, 'trigger_id'))
    if ('error' in trigger) return refused(trigger.error)
    const shown = workspace.showView(trigger.user, view as View)
    return { ok: true, view: { ...shown, team_id: workspace.team.id, bot_id: BOT.botId } }
  },

  'views.update': (workspace, args) => {
    const open = workspace.viewById(text(args, 'view_id'))
    if (!open) return refused('not_found')
    if (args.hash !== undefined && args.hash !== open.hash) return refused('hash_conflict')
    const view = structure(args, 'view')
    const refusal = checkView(view)
    if (refusal) return refused(refusal.error, refusal.messages)
    const shown = workspace.showView(open.user, view as View, open.id)
    return { ok: true, view: { ...shown, team_id: workspace.team.id, bot_id: BOT.botId } }
  },

  'users.info': (workspace, args) => {
    const person = workspace.person(text(args, 'user'))
    return person ? { ok: true, user: userFields(workspace, person) } : refused('user_not_found')
  },

  'users.lookupByEmail': (workspace, args) => {
    const person = workspace.people.find(({ email }) => email === text(args, 'email'))
    return person ? { ok: true, user: userFields(workspace, person) } : refused('users_not_found')
  },

  'conversations.list': (workspace) => ({
    ok: true,
    channels: workspace.channels
      .filter(({ id }) => id.startsWith('C'))
      .map(({ id, name }) => ({ id, name, is_channel: true, is_private: false, is_archived: false, is_member: true })),
    response_metadata: { next_cursor: '' },
  }),

  'conversations.open': (workspace, args) => {
    const channel = workspace.channel(text(args, 'users'))
    return channel ? { ok: true, channel: { id: channel.id } } : refused('user_not_found')
  },
}

/** Slack's way to say no: status 200 and a code. */
export function refused(error: string, messages: readonly string[] = []): Answer {
  return { ok: false, error, ...(messages.length > 0 && { response_metadata: { messages } }) }
}

/** Text and blocks of a call. What an update does not mention, its message keeps. */
export function readContent(args: Arguments, before?: Content): Content | Answer {
  const message = args.text === undefined ? (before?.text ?? '') : text(args, 'text')
  const blocks = args.blocks === undefined ? (before?.blocks ?? []) : structure(args, 'blocks')
  const refusal = checkMessage(message, blocks)
  if (refusal) return refused(refusal.error, refusal.messages)
  const content = { text: message, blocks: blocks as readonly Block[] }
  return content.text === '' && content.blocks.length === 0 ? refused('no_text') : content
}

function text(args: Arguments, name: string): string {
  const value = args[name]
  return typeof value === 'string' ? value : ''
}

function structure(args: Arguments, name: string): unknown {
  const value = args[name]
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return undefined
  }
}

function userFields(workspace: Workspace, { id, name, email }: SlackPerson): object {
  return {
    id,
    team_id: workspace.team.id,
    name,
    real_name: name,
    deleted: false,
    is_bot: false,
    is_restricted: false,
    is_ultra_restricted: false,
    profile: { email, real_name: name, display_name: name },
  }
}
