import { Refused, type Log } from '@countersign/service-kit'
import type { App } from '@slack/bolt'
import { CardTampered } from './bolt-app.ts'
import { readInteraction } from './interaction.ts'
import type { SlackWorkspace } from './slack-workspace.ts'
import { type CallbackRequest, isFromSlack, SeenSignatures } from './verify-callback.ts'

export type SlackCallbackOptions = {
  readonly app: App
  readonly workspace: SlackWorkspace
  readonly signingSecret: string
  readonly log: Log
  readonly now?: () => number
}

/**
 * Takes what Slack sends to the app's request URL. Nothing is read before the signature over the raw bytes holds, a request
 * that comes again does nothing, and one of another workspace is refused. Answers as soon as the app acknowledges; the rest
 * of the work goes on.
 */
export class SlackCallback {
  readonly #options: SlackCallbackOptions
  readonly #seen = new SeenSignatures()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: SlackCallbackOptions) {
    this.#options = options
  }

  /** The body of the answer; undefined for an empty one. @throws Refused when nothing comes of it */
  async receive(request: CallbackRequest): Promise<unknown> {
    const { signingSecret, workspace, now = Date.now } = this.#options
    const nowMs = now()
    if (!isFromSlack(signingSecret, request, nowMs)) throw new Refused({ code: 'token_invalid' })
    if (!this.#seen.add(String(request.signature), nowMs)) return undefined
    const interaction = readInteraction(request.body)
    if (interaction === undefined) throw new Refused({ code: 'invalid_request' })
    const { teamId } = await workspace.installation()
    if (interaction.team.id !== teamId) throw new Refused({ code: 'not_allowed' })
    return this.#process(interaction)
  }

  /** Resolves when everything that was acknowledged is done. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async #process(body: object): Promise<unknown> {
    const { app, log } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const work = app
      .processEvent({ body: body as Record<string, unknown>, ack: async (answer) => resolve(answer) })
      // Nothing happens when the app acknowledged before; otherwise no listener knew what this was.
      .then(() => reject(new Refused({ code: 'invalid_request' })))
      .catch((error: unknown) => {
        const isTampered = causesOf(error).some((cause) => cause instanceof CardTampered)
        log.warn({ err: error }, isTampered ? 'a card came back changed' : 'an interaction failed')
        reject(isTampered ? new Refused({ code: 'not_allowed' }) : error)
      })
    const underWay = work.finally(() => this.#underWay.delete(underWay))
    this.#underWay.add(underWay)
    return promise
  }
}

/** An error with what it was made from; Bolt wraps what listeners throw. */
const causesOf = (error: unknown): unknown[] => {
  const { original, originals = [] } = (error ?? {}) as { original?: unknown; originals?: unknown[] }
  return [error, original, ...originals]
}
