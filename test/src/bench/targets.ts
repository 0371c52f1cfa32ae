import type { Figures } from './compare.ts'
import type { Spread } from './measure.ts'

export type Goal = { readonly atLeast: number } | { readonly atMost: number } | 'reported'

/** Every figure that the bench holds a yardstick to, with its goal (`docs/explanation/capacity.md` explains them). */
export const targets = {
  T1: { what: 'bus transport ÷ raw kafkajs, per CPU second', goal: { atLeast: 0.8 } },
  T2: { what: 'bus transport ÷ stock Nest ServerKafka', goal: { atLeast: 4 } },
  T3: { what: 'publish ÷ direct send, 256 callers', goal: { atLeast: 6 } },
  T4: { what: 'ledger append ÷ COPY BINARY', goal: { atLeast: 0.5 } },
  T5: { what: 'ledger append ÷ TypeORM save(500)', goal: { atLeast: 3 } },
} as const satisfies Record<string, { readonly what: string; readonly goal: Goal }>

export type TargetId = keyof typeof targets

export const targetIds = Object.keys(targets) as TargetId[]

export type Verdict = 'met' | 'below target' | 'reported'

/** A figure with both of its sides, from one run. */
export type Measured = {
  readonly id: TargetId
  readonly what: string
  readonly goal: Goal
  readonly ours: Figures
  readonly yardstick: Figures
  readonly ratio: Spread
  readonly verdict: Verdict
}
export type NotRun = { readonly id: TargetId; readonly what: string; readonly goal: Goal; readonly notRun: string }
export type TargetResult = Measured | NotRun

const verdictOn = (median: number, goal: Goal): Verdict => {
  if (goal === 'reported') return 'reported'
  const isMet = 'atLeast' in goal ? median >= goal.atLeast : median <= goal.atMost
  return isMet ? 'met' : 'below target'
}

export const measured = (id: TargetId, sides: Pick<Measured, 'ours' | 'yardstick' | 'ratio'>): Measured => ({
  id,
  ...targets[id],
  ...sides,
  verdict: verdictOn(sides.ratio.median, targets[id].goal),
})

export const notRun = (id: TargetId, reason: string): NotRun => ({ id, ...targets[id], notRun: reason })
