import type { Log } from '@countersign/service-kit'
import { type Logger, LogLevel } from '@slack/web-api'

/** Slack's libraries log into ours, without what they would say about bodies: only that something happened. */
export const slackLogger = (log: Log): Logger => ({
  debug: () => undefined,
  info: () => undefined,
  warn: () => log.debug({}, 'slack library warning'),
  error: () => log.debug({}, 'slack library error'),
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
})
