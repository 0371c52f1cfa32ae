/** Injection token of the notifier's own connections. */
export const NOTIFIER_POOL = Symbol('NOTIFIER_POOL')
