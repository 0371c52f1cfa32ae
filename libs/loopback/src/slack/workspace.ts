import { randomBytes } from 'node:crypto'
import { type Block, named, type View } from './blocks.ts'

export type SlackPerson = { readonly id: string; readonly name: string; readonly email: string }
export type SlackChannel = { readonly id: string; readonly name: string }
export type Content = { readonly text: string; readonly blocks: readonly Block[] }

/** A message with everything it said before its last edit. */
export type Message = Content & {
  readonly ts: string
  readonly channel: string
  /** Set for an ephemeral message: the only person who sees it. */
  readonly onlyFor?: string
  readonly threadTs?: string
  readonly metadata?: unknown
  readonly history: readonly Content[]
}
export type OpenView = View & {
  readonly id: string
  readonly user: string
  readonly hash: string
  readonly errors: Readonly<Record<string, string>>
}

const RESPONSE_URL_LIFE_MS = 30 * 60 * 1000
const RESPONSE_URL_USES = 5

type Trigger = { readonly user: string; readonly expiresAt: number; used: boolean }
type ResponseUrl = {
  readonly channel: string
  readonly ts: string
  readonly user: string
  readonly expiresAt: number
  uses: number
}

export const BOT = { userId: 'U0BOT', botId: 'B0BOT', appId: 'A0APP', name: 'countersign' } as const

/** The state of the stand-in workspace. Every change raises `version` and wakes who waits for one. */
export class Workspace {
  readonly team: { readonly id: string; readonly domain: string } = { id: 'T0LOOP', domain: 'loopback' }
  readonly people: readonly SlackPerson[]
  readonly channels: SlackChannel[]
  version = 0
  readonly #messages: Message[] = []
  readonly #views = new Map<string, OpenView>()
  readonly #triggers = new Map<string, Trigger>()
  readonly #responseUrls = new Map<string, ResponseUrl>()
  readonly #triggerLifeMs: number
  #waiting: (() => void)[] = []
  #lastTs = 0

  constructor(people: readonly SlackPerson[], channels: readonly SlackChannel[], triggerLifeMs: number) {
    this.#triggerLifeMs = triggerLifeMs
    this.people = people
    this.channels = [...channels]
  }

  person(id: string): SlackPerson | undefined {
    return this.people.find((person) => person.id === id)
  }

  /** A channel by id or name; a person's id means the direct conversation with the app, which is opened if needed. */
  channel(idOrName: string): SlackChannel | undefined {
    const name = idOrName.replace(/^#/, '')
    const found = this.channels.find((channel) => channel.id === idOrName || channel.name === name)
    const person = this.person(idOrName)
    if (found || !person) return found
    const id = `D${person.id.slice(1)}`
    const open = this.channels.find((channel) => channel.id === id)
    if (open) return open
    const direct = { id, name: `@${person.name}` }
    this.channels.push(direct)
    return direct
  }

  /** Messages in posting order; with a person, what that person sees. */
  messages(channel?: string, seenBy?: string): readonly Message[] {
    return this.#messages.filter(
      (message) =>
        (channel === undefined || message.channel === channel) &&
        (seenBy === undefined || message.onlyFor === undefined || message.onlyFor === seenBy),
    )
  }

  message(channel: string, ts: string): Message | undefined {
    return this.#messages.find((message) => message.channel === channel && message.ts === ts)
  }

  post(message: Omit<Message, 'ts' | 'history'>): Message {
    const posted = { ...message, blocks: named(message.blocks, newId), ts: this.#nextTs(), history: [] }
    this.#messages.push(posted)
    this.changed()
    return posted
  }

  edit(message: Message, content: Content): Message {
    const { text, blocks } = message
    const edited = {
      ...message,
      text: content.text,
      blocks: named(content.blocks, newId),
      history: [...message.history, { text, blocks }],
    }
    this.#messages[this.#messages.indexOf(message)] = edited
    this.changed()
    return edited
  }

  remove(message: Message): void {
    this.#messages.splice(this.#messages.indexOf(message), 1)
    this.changed()
  }

  /** The modal a person has open. */
  view(user: string): OpenView | undefined {
    return [...this.#views.values()].find((view) => view.user === user)
  }

  viewById(id: string): OpenView | undefined {
    return this.#views.get(id)
  }

  showView(user: string, view: View, id: string = `V${newId()}`): OpenView {
    this.closeView(user)
    const shown = { ...view, blocks: named(view.blocks, newId), id, user, hash: newId(), errors: {} }
    this.#views.set(id, shown)
    this.changed()
    return shown
  }

  showViewErrors(view: OpenView, errors: Readonly<Record<string, string>>): void {
    this.#views.set(view.id, { ...view, errors })
    this.changed()
  }

  closeView(user: string): void {
    for (const [id, view] of this.#views) if (view.user === user) this.#views.delete(id)
    this.changed()
  }

  newTrigger(user: string): string {
    const id = `${Date.now()}.${newId()}`
    this.#triggers.set(id, { user, expiresAt: Date.now() + this.#triggerLifeMs, used: false })
    return id
  }

  /** A trigger opens one view, and only soon after the click. @returns whose click it was, or Slack's error */
  useTrigger(id: string): { user: string } | { error: string } {
    const trigger = this.#triggers.get(id)
    if (!trigger) return { error: 'invalid_trigger_id' }
    if (trigger.used) return { error: 'exchanged_trigger_id' }
    if (trigger.expiresAt < Date.now()) return { error: 'expired_trigger_id' }
    trigger.used = true
    return { user: trigger.user }
  }

  newResponseUrl(message: Message, user: string): string {
    const token = newId() + newId()
    const { channel, ts } = message
    this.#responseUrls.set(token, { channel, ts, user, expiresAt: Date.now() + RESPONSE_URL_LIFE_MS, uses: 0 })
    return token
  }

  /** Usable five times within half an hour. */
  useResponseUrl(token: string): { channel: string; ts: string; user: string } | undefined {
    const found = this.#responseUrls.get(token)
    if (!found || found.expiresAt < Date.now() || found.uses >= RESPONSE_URL_USES) return undefined
    found.uses++
    return found
  }

  /** Resolves when the version is above `seen`, or when the signal is aborted. */
  async newerThan(seen: number, signal: AbortSignal): Promise<number> {
    if (this.version <= seen && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return this.version
  }

  changed(): void {
    this.version++
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Seconds with six digits, unique and rising, as Slack's are. */
  #nextTs(): string {
    this.#lastTs = Math.max(this.#lastTs + 1, Date.now() * 1000)
    const digits = String(this.#lastTs)
    return `${digits.slice(0, -6)}.${digits.slice(-6)}`
  }
}

function newId(): string {
  return randomBytes(8).toString('hex').toUpperCase()
}
