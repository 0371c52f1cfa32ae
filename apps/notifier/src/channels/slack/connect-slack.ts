import type { Log } from '@countersign/service-kit'
import type pg from 'pg'
import type { NotifierConfig } from '../../notifier.config.ts'
import type { RecordVerdict } from '../../record-verdict/record-verdict.handler.ts'
import { boltApp } from './bolt-app.ts'
import { ContinueOnPage } from './continue-here.ts'
import { cardValueKey } from './card-value.ts'
import { SlackCallback } from './slack-callback.ts'
import { SlackChannel } from './slack-channel.ts'
import { SlackWorkspace } from './slack-workspace.ts'
import { TakeVerdict } from './take-verdict.ts'

export type ConnectSlackOptions = {
  readonly config: NotifierConfig
  readonly pool: pg.Pool
  readonly verdicts: RecordVerdict
  /** Whether there are pages on which people sign in. */
  readonly hasPages: boolean
  readonly log: Log
}

/** The Slack app's two sides, cards out and callbacks in; undefined where no bot token is configured. */
export const connectSlack = ({
  config,
  pool,
  verdicts,
  hasPages,
  log,
}: ConnectSlackOptions): { channel: SlackChannel; callback: SlackCallback; workspace: SlackWorkspace } | undefined => {
  const { SLACK_API_URL: apiUrl, SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, PUBLIC_URL: publicUrl } = config
  if (SLACK_BOT_TOKEN === undefined) return undefined
  if (SLACK_SIGNING_SECRET === undefined) throw new Error('SLACK_BOT_TOKEN needs SLACK_SIGNING_SECRET')
  const signingSecret = SLACK_SIGNING_SECRET.reveal()
  const settings = { apiUrl, botToken: SLACK_BOT_TOKEN.reveal(), signingSecret }
  const workspace = new SlackWorkspace(settings, log)
  const valueKey = cardValueKey(signingSecret)
  const app = boltApp({
    settings,
    workspace,
    valueKey,
    verdicts: new TakeVerdict(pool, verdicts),
    pages: hasPages ? new ContinueOnPage(pool, publicUrl) : undefined,
    log,
  })
  return {
    workspace,
    channel: new SlackChannel({ workspace, valueKey, publicUrl }),
    callback: new SlackCallback({ app, workspace, signingSecret, log }),
  }
}
