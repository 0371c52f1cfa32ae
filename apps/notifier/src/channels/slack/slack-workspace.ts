import type { Log } from '@countersign/service-kit'
import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebClient,
  type WebClientOptions,
} from '@slack/web-api'
import { DeliveryFailed } from '../channel.ts'
import { slackLogger } from './slack-logger.ts'

/** Who our app is in the workspace that its token belongs to. */
export type Installation = { readonly teamId: string; readonly botId: string; readonly botUserId: string }

export type SlackSettings = {
  readonly apiUrl: string
  readonly botToken: string
  readonly signingSecret: string
}

const requestTimeoutMs = 10_000

/** Options of Slack's client: no retries of its own, our queue does that and survives a restart. */
export const clientOptions = (apiUrl: string, log: Log): WebClientOptions => ({
  slackApiUrl: apiUrl,
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
  timeout: requestTimeoutMs,
  allowAbsoluteUrls: false,
  logger: slackLogger(log),
})

/** The workspace that a bot token belongs to. */
export class SlackWorkspace {
  readonly client: WebClient
  #installation: Promise<Installation> | undefined

  constructor({ apiUrl, botToken }: SlackSettings, log: Log) {
    this.client = new WebClient(botToken, clientOptions(apiUrl, log))
  }

  /** Asked once; an answer is kept for as long as the process runs, a failure is not. */
  installation(): Promise<Installation> {
    this.#installation ??= this.#ask().catch((error: unknown) => {
      this.#installation = undefined
      throw error
    })
    return this.#installation
  }

  async #ask(): Promise<Installation> {
    const { team_id: teamId, bot_id: botId, user_id: botUserId } = await delivered(this.client.auth.test())
    if (teamId === undefined || botId === undefined || botUserId === undefined) throw new DeliveryFailed('slack_no_bot')
    return { teamId, botId, botUserId }
  }
}

const snakeCase = /^[a-z][a-z0-9_]{0,50}$/

/** A call to Slack; what goes wrong becomes a `DeliveryFailed` with Slack's code. */
export const delivered = async <T>(call: Promise<T>): Promise<T> => {
  try {
    return await call
  } catch (error) {
    if (error instanceof WebAPIRateLimitedError) {
      throw new DeliveryFailed('slack_rate_limited', { cause: error, retryAfterMs: error.retryAfter * 1_000 })
    }
    if (error instanceof WebAPIPlatformError) {
      const { error: code } = error.data
      throw new DeliveryFailed(snakeCase.test(code) ? `slack_${code}` : 'slack_refused', {
        cause: error,
        isGone: code === 'message_not_found',
      })
    }
    if (error instanceof WebAPIHTTPError) throw new DeliveryFailed('slack_http_error', { cause: error })
    throw new DeliveryFailed('slack_unreachable', { cause: error })
  }
}
