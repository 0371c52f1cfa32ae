import { parseDurationMs } from './duration.ts'
import type { Facts } from './facts.ts'

/**
 * Who takes from a limit together: each agent alone, or all that a producer publishes, that the same people own, that is for
 * one person, of the tenant, on one target.
 */
export const limitScopes = ['agent', 'producer', 'owner', 'person', 'tenant', 'target'] as const
export type LimitScope = (typeof limitScopes)[number]

/** How much a rule allows in each window. Windows follow each other from 1970 on, without a gap. */
export type Limit = {
  /** Each agent has the amount for itself when absent. */
  readonly by?: Exclude<LimitScope, 'agent'>
  readonly amount: number
  readonly unit: 'uses' | 'rows' | 'bytes'
  readonly windowMs: number
}

/** What one allowed intent takes of a limit; null where the requester does not claim it, which fits into no limit. */
export type LimitUse = { readonly rule: string; readonly limit: Limit; readonly cost: number | null }

const form = /^([1-9]\d{0,14}) (?:(rows|bytes) )?per (P[0-9DTHMS]{1,24})(?: by ([a-z]+))?$/
const shortestMs = 60_000
const longestMs = 31 * 86_400_000

/** Reads `@limit`; undefined for what is none. Windows are a minute to 31 days long. */
export const readLimit = (text: string): Limit | undefined => {
  const [, amount, unit = 'uses', duration = '', by = 'agent'] = form.exec(text) ?? []
  const scope = limitScopes.find((one) => one === by)
  const windowMs = parseDurationMs(duration)
  if (amount === undefined || scope === undefined || windowMs === undefined) return undefined
  if (windowMs < shortestMs || windowMs > longestMs) return undefined
  return {
    amount: Number(amount),
    unit: unit as Limit['unit'],
    windowMs,
    ...(scope === 'agent' ? {} : { by: scope }),
  }
}

export const costOf = ({ unit }: Limit, { impact }: Facts): number | null =>
  unit === 'uses' ? 1 : (impact?.[unit] ?? null)

/** When the window began in which a moment lies; both in milliseconds since 1970. */
export const windowStart = ({ windowMs }: Limit, now: number): number => now - (now % windowMs)

/** Whether one more use goes beyond the limit of a window in which so much was taken. */
export const isBeyond = ({ limit, cost }: LimitUse, taken: number): boolean =>
  cost === null || taken + cost > limit.amount
