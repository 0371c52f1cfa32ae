/** Injection tokens of the policy service. */
export const poolToken = Symbol('pool')
export const activeSetsToken = Symbol('activeSets')
export const wakeUpsToken = Symbol('wakeUps')
