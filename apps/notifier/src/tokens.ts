/** Injection token of the notifier's own connections. */
export const NOTIFIER_POOL = Symbol('NOTIFIER_POOL')
/** Injection token of the Slack app's callback; null where Slack is off. */
export const SLACK_CALLBACK = Symbol('SLACK_CALLBACK')
