import type { RateFigures } from './compare.ts'
import type { Spread } from './measure.ts'

export type Goal = { readonly atLeast: number } | { readonly atMost: number } | 'reported'

/** Every figure that the bench holds to a yardstick or a bound, with its goal (`docs/explanation/capacity.md` explains them). */
export const targets = {
  T1: { what: 'bus transport ÷ raw kafkajs, per CPU second', goal: { atLeast: 0.8 } },
  T2: { what: 'bus transport ÷ stock Nest ServerKafka', goal: { atLeast: 4 } },
  T3: { what: 'publish ÷ direct send, 256 callers', goal: { atLeast: 6 } },
  T4: { what: 'ledger append ÷ COPY BINARY', goal: { atLeast: 0.5 } },
  T5: { what: 'ledger append ÷ TypeORM save(500)', goal: { atLeast: 3 } },
  T6: { what: 'whole path on Kafka ÷ raw consume and the same rows by unnest', goal: { atLeast: 0.5 } },
  T7: { what: 'whole path with the policies ÷ with one rule that always allows', goal: 'reported' },
  T8: { what: 'p99 intent → decision at 30 % load ÷ p99 of a bare three-hop chain', goal: { atMost: 3 } },
  T9: { what: 'whole path with traces of 1 % ÷ without', goal: { atLeast: 0.9 } },
  'T11-CPU': { what: 'CPU of an idle service, % of a core, the busiest', goal: { atMost: 1 } },
  'T11-memory': { what: 'resident memory of an idle service, MiB, the largest', goal: { atMost: 150 } },
  deadlines: {
    what: 'p99 lateness of deadlines, s: three timers, one killed, one stopped for a while',
    goal: { atMost: 2 },
  },
  restart: {
    what: 'first decision of a killed service after its restart, s, the slowest of three',
    goal: { atMost: 1 },
  },
  failover: { what: 'intent on Kafka → decision after intake or policy was killed, s', goal: { atMost: 12 } },
  first: { what: 'whole path on Kafka ÷ ServerKafka with a TypeORM save per event', goal: 'reported' },
  cycles: { what: 'whole human cycles a second over HTTP, services on Kafka, 32 at once', goal: 'reported' },
} as const satisfies Record<string, { readonly what: string; readonly goal: Goal }>

export type TargetId = keyof typeof targets

export const targetIds = Object.keys(targets) as TargetId[]

/** Latency of one side, a spread over the rounds for each percentile. */
export type LatencyFigures = {
  readonly what: string
  readonly perSecond: number
  readonly p50Ms: Spread
  readonly p95Ms: Spread
  readonly p99Ms: Spread
}

/** What each service takes of something. */
export type ServiceFigures = { readonly what: string; readonly services: Readonly<Record<string, number>> }

export type Figures = RateFigures | LatencyFigures | ServiceFigures

export type Verdict = 'met' | 'below target' | 'above target' | 'reported'

/** A figure from one run, with its yardstick where it has one; without, the ratio is the figure itself. */
export type Measured = {
  readonly id: TargetId
  readonly what: string
  readonly goal: Goal
  readonly ours: Figures
  readonly yardstick?: Figures
  readonly ratio: Spread
  readonly verdict: Verdict
}
export type NotRun = { readonly id: TargetId; readonly what: string; readonly goal: Goal; readonly notRun: string }
export type TargetResult = Measured | NotRun

const verdictOn = (median: number, goal: Goal): Verdict => {
  if (goal === 'reported') return 'reported'
  if ('atLeast' in goal) return median >= goal.atLeast ? 'met' : 'below target'
  return median <= goal.atMost ? 'met' : 'above target'
}

export const measured = (id: TargetId, sides: Pick<Measured, 'ours' | 'yardstick' | 'ratio'>): Measured => ({
  id,
  ...targets[id],
  ...sides,
  verdict: verdictOn(sides.ratio.median, targets[id].goal),
})

export const notRun = (id: TargetId, reason: string): NotRun => ({ id, ...targets[id], notRun: reason })
