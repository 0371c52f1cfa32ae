import { exitCodes } from '@countersign/service-kit'

/** How a process ended: its exit code or the signal, and how long it had been ready, 0 if it never was. */
export type Ending = { readonly how: number | NodeJS.Signals; readonly readyMs: number }

/** What follows: another start after a pause, or the end of everything. */
export type Sequel =
  | { readonly kind: 'again'; readonly afterMs: number; readonly failures: number }
  | { readonly kind: 'give-up' }

/** Who was ready so long before it ended begins anew. */
const steadyMs = 30_000
const mostFailures = 5
const [firstPauseMs, longestPauseMs] = [250, 10_000]

/**
 * Decides after `failures` short lives in a row. Five in a row are a loop; a configuration that is not usable does not get
 * better by another try.
 */
export const sequelOf = ({ how, readyMs }: Ending, failures: number): Sequel => {
  if (how === exitCodes.config) return { kind: 'give-up' }
  const counted = (readyMs >= steadyMs ? 0 : failures) + 1
  if (counted > mostFailures) return { kind: 'give-up' }
  return { kind: 'again', afterMs: Math.min(longestPauseMs, firstPauseMs * 2 ** (counted - 1)), failures: counted }
}
