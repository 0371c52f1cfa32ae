import { exitCodes } from '@countersign/service-kit'

/** How a process ended: its exit code or the signal, and how long it had been ready, 0 if it never was. */
export type Ending = { readonly how: number | NodeJS.Signals; readonly readyMs: number }

/** What follows: another start after a pause, or the end of everything. */
export type Sequel =
  | { readonly kind: 'again'; readonly afterMs: number; readonly failures: number }
  | { readonly kind: 'give-up' }

/** Who was ready so long before it ended begins anew. */
const steadyMs = 10_000
const mostFailures = 5
const [firstPauseMs, longestPauseMs] = [250, 10_000]
/** Between two tries while the store or the bus is away. */
const outagePauseMs = 500

/**
 * Decides after `failures` short lives in a row. Five in a row are a loop; a configuration that is not usable does not get
 * better by another try, an outage of store or bus does. Who had worked is missed: it is started again at once.
 */
export const sequelOf = ({ how, readyMs }: Ending, failures: number): Sequel => {
  if (how === exitCodes.config) return { kind: 'give-up' }
  if (how === exitCodes.unavailable) return { kind: 'again', afterMs: outagePauseMs, failures }
  if (readyMs >= steadyMs) return { kind: 'again', afterMs: 0, failures: 1 }
  const counted = failures + 1
  if (counted > mostFailures) return { kind: 'give-up' }
  return { kind: 'again', afterMs: Math.min(longestPauseMs, firstPauseMs * 2 ** (counted - 1)), failures: counted }
}
