import { setTimeout as pause } from 'node:timers/promises'

export type UntilOptions = {
  /** What is waited for; named when it does not come. */
  readonly what: string
  /** How long it may take before the test has failed; generous, because it decides nothing else. Default 20 s. */
  readonly withinMs?: number
}

/** Looks again and again until there is something; throws when it does not come. */
export const until = async <Value>(
  look: () => Promise<Value | undefined | false>,
  { what, withinMs = 20_000 }: UntilOptions,
): Promise<Value> => {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`${what} did not come within ${withinMs} ms`)
    await pause(25)
  }
}
