import { Broken, Unproven } from './evidence.ts'
import type { Cast, Gate } from './gate.ts'
import type { Guarantee } from './guarantee.ts'

/** PASS: proven. FAIL: disproven. INCOMPLETE: neither; evidence is missing, late, or the check itself went wrong. */
export type Verdict = 'PASS' | 'FAIL' | 'INCOMPLETE'

export type Result = {
  readonly id: string
  readonly title: string
  readonly verdict: Verdict
  /** What was seen, in words. */
  readonly told: string
  readonly ms: number
}

export type RunOptions = {
  readonly gate: Gate
  readonly cast: Cast
  readonly guarantees: readonly Guarantee[]
  readonly signal: AbortSignal
  /** Told of each result as it comes. */
  readonly onResult?: (result: Result) => void
}

const patienceMs = 30_000
/** Beyond the deadline that a guarantee waits for. */
const deadlinePatienceMs = 75_000
const atOnce = 6

/** Checks one guarantee. Only a check that ran to its end without an objection passes. */
export const checkGuarantee = async (
  guarantee: Guarantee,
  { gate, cast, signal }: Omit<RunOptions, 'guarantees' | 'onResult'>,
): Promise<Result> => {
  const { id, title, check, waitsForDeadline = false } = guarantee
  const began = performance.now()
  const timeout = AbortSignal.timeout(waitsForDeadline ? deadlinePatienceMs : patienceMs)
  const until = AbortSignal.any([signal, timeout])
  const judged = (verdict: Verdict, told: string): Result => ({
    id,
    title,
    verdict,
    told,
    ms: Math.round(performance.now() - began),
  })
  try {
    return judged('PASS', await Promise.race([check({ gate, cast, signal: until }), rejected(until)]))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Broken) return judged('FAIL', error.message)
    if (error instanceof Unproven) return judged('INCOMPLETE', error.message)
    if (timeout.aborted) return judged('INCOMPLETE', 'it took too long')
    return judged('INCOMPLETE', `the check went wrong: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const rejected = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })

/** Checks guarantees, a few at a time, and resolves with a result for each in their order. */
export const runGuarantees = async ({ guarantees, onResult, ...options }: RunOptions): Promise<Result[]> => {
  const results = new Map<string, Result>()
  const checkAll = async (some: readonly Guarantee[], width: number): Promise<void> => {
    const waiting = some.values()
    const work = async (): Promise<void> => {
      // Workers share one iterator: each takes the next that nobody has taken.
      for (const guarantee of waiting) {
        const result = await checkGuarantee(guarantee, options)
        results.set(result.id, result)
        onResult?.(result)
      }
    }
    await Promise.all(Array.from({ length: width }, work))
  }
  const isLong = ({ waitsForDeadline = false }: Guarantee): boolean => waitsForDeadline
  const isFirst = ({ goesFirst = false }: Guarantee): boolean => goesFirst
  const long = checkAll(guarantees.filter(isLong), 1)
  await checkAll(guarantees.filter(isFirst), 1)
  await checkAll(
    guarantees.filter((guarantee) => !isLong(guarantee) && !isFirst(guarantee)),
    atOnce,
  )
  await long
  return guarantees.flatMap(({ id }) => results.get(id) ?? [])
}
