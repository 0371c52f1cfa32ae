import { parseDurationMs } from './duration.ts'
import type { Facts } from './facts.ts'

/** How much a rule allows one agent in each window. Windows follow each other from 1970 on, without a gap. */
export type Limit = {
  readonly amount: number
  readonly unit: 'uses' | 'rows' | 'bytes'
  readonly windowMs: number
}

/** What one allowed intent takes of a limit; null where the requester does not claim it, which fits into no limit. */
export type LimitUse = { readonly rule: string; readonly limit: Limit; readonly cost: number | null }

const form = /^([1-9]\d{0,14}) (?:(rows|bytes) )?per (P[0-9DTHMS]{1,24})$/
const shortestMs = 60_000
const longestMs = 31 * 86_400_000

/** Reads `@limit`; undefined for what is none. Windows are a minute to 31 days long. */
export const readLimit = (text: string): Limit | undefined => {
  const [, amount, unit = 'uses', duration = ''] = form.exec(text) ?? []
  const windowMs = parseDurationMs(duration)
  if (amount === undefined || windowMs === undefined || windowMs < shortestMs || windowMs > longestMs) return undefined
  return { amount: Number(amount), unit: unit as Limit['unit'], windowMs }
}

export const costOf = ({ unit }: Limit, { impact }: Facts): number | null =>
  unit === 'uses' ? 1 : (impact?.[unit] ?? null)

/** When the window began in which a moment lies; both in milliseconds since 1970. */
export const windowStart = ({ windowMs }: Limit, now: number): number => now - (now % windowMs)

/** Whether one more use goes beyond the limit of a window in which so much was taken. */
export const isBeyond = ({ limit, cost }: LimitUse, taken: number): boolean =>
  cost === null || taken + cost > limit.amount
