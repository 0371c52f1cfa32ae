import type { AssuranceDemand, Effect, Reason, RefusalCode, Seat } from '@countersign/contracts'
import type { Rule } from './policy-set.ts'

/** Events carry at most so many rules, reasons and groups of seats. */
const maxRules = 32
const maxGroups = 8
const defaultTtlMs = 300_000

/**
 * What policy says about an intent. `deadlineMs` counts from the evaluation and may only shorten the intent's own
 * deadline; `grantTtlMs` is how long a grant lives once collected.
 */
export type Decision = {
  readonly effect: Effect
  readonly code?: Extract<RefusalCode, 'policy_denied' | 'unknown_action' | 'policy_error' | 'limit_reached'>
  readonly rules: readonly string[]
  readonly reasons: readonly Reason[]
  readonly seats: readonly Seat[]
  readonly assurance?: AssuranceDemand
  readonly deadlineMs?: number
  readonly grantTtlMs: number
}

export const denied = (code: NonNullable<Decision['code']>, rules: readonly Rule[] = []): Decision => ({
  effect: 'deny',
  code,
  ...told(rules),
  seats: [],
  grantTtlMs: defaultTtlMs,
})

/**
 * One answer out of all rules that apply, the strictest first: a deny beats a review beats an allow, and no rule at all
 * denies. Several reviews ask for the seats of each (the larger count per group), of the strongest assurance and the most
 * recent sign-in that one of them demands, within the shortest times of any permit that applies. An allow whose limit is
 * reached asks for its seats, or denies where it names none. Independent of the order of the rules.
 */
export const combine = (matching: readonly Rule[], reached: ReadonlySet<string> = new Set()): Decision => {
  const rules = matching
    .map((rule) => (reached.has(rule.id) ? beyondLimit(rule) : rule))
    .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const denies = rules.filter(({ effect }) => effect === 'deny')
  if (denies.length > 0)
    return denied(denies.every(({ id }) => reached.has(id)) ? 'limit_reached' : 'policy_denied', denies)
  if (rules.length === 0) return denied('policy_denied')
  const ttls = rules.flatMap(({ ttlMs }) => ttlMs ?? [])
  const grantTtlMs = ttls.length === 0 ? defaultTtlMs : Math.min(...ttls)
  const reviews = rules.filter(({ effect }) => effect === 'review')
  if (reviews.length === 0) return { effect: 'allow', ...told(rules), seats: [], grantTtlMs }
  const seats = mergeSeats(reviews)
  // More groups than a review can carry: asking for fewer would relax it.
  if (seats.length > maxGroups) return denied('policy_error', reviews)
  const assurance = strongest(reviews.flatMap((rule) => rule.assurance ?? []))
  const deadlines = reviews.flatMap(({ deadlineMs }) => deadlineMs ?? [])
  return {
    effect: 'review',
    ...told(reviews),
    seats,
    ...(assurance === undefined ? {} : { assurance }),
    ...(deadlines.length === 0 ? {} : { deadlineMs: Math.min(...deadlines) }),
    grantTtlMs,
  }
}

const beyondLimit = (rule: Rule): Rule => ({ ...rule, effect: rule.seats.length > 0 ? 'review' : 'deny' })

const told = (rules: readonly Rule[]): Pick<Decision, 'rules' | 'reasons'> => ({
  rules: rules.slice(0, maxRules).map(({ id }) => id),
  reasons: rules
    .slice(0, maxRules)
    .map(({ id, effect, text }) => ({ rule: id, effect, ...(text === undefined ? {} : { text }) })),
})

const levels = ['sso', 'mfa', 'webauthn'] as const satisfies readonly AssuranceDemand['atLeast'][]

/** One demand that meets them all. */
const strongest = (demands: readonly AssuranceDemand[]): AssuranceDemand | undefined => {
  const atLeast = levels.findLast((level) => demands.some((demand) => demand.atLeast === level))
  if (atLeast === undefined) return undefined
  const times = demands.flatMap(({ signedInWithinMs }) => signedInWithinMs ?? [])
  return { atLeast, ...(times.length === 0 ? {} : { signedInWithinMs: Math.min(...times) }) }
}

const mergeSeats = (reviews: readonly Rule[]): Seat[] => {
  const counts = new Map<string, number>()
  for (const { group, count } of reviews.flatMap(({ seats }) => seats))
    counts.set(group, Math.max(count, counts.get(group) ?? 0))
  return [...counts].map(([group, count]) => ({ group, count })).toSorted((a, b) => (a.group < b.group ? -1 : 1))
}
