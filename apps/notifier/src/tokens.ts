/** Injection token of the notifier's own connections. */
export const NOTIFIER_POOL = Symbol('NOTIFIER_POOL')
/** Injection token of the address under which people reach the deployment. */
export const PUBLIC_URL = Symbol('PUBLIC_URL')
/** Injection tokens of the pages; null where no client of the identity provider is configured for them. */
export const SIGN_IN = Symbol('SIGN_IN')
export const LINK_PAGE = Symbol('LINK_PAGE')
export const KEYS_PAGE = Symbol('KEYS_PAGE')
export const VERDICT_PAGE = Symbol('VERDICT_PAGE')
/** Injection token of the Slack app's callback; null where Slack is off. */
export const SLACK_CALLBACK = Symbol('SLACK_CALLBACK')
