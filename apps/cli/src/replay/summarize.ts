import type { Effect } from '@countersign/contracts'

/** What became of one replayed record. */
export type ReplayOutcome = {
  readonly action: string
  readonly principal: string
  readonly effect: Effect
  readonly rules: readonly string[]
  /** Recorded time, ISO 8601 UTC. */
  readonly occurredAt: string
}

export type Counts = { readonly allow: number; readonly deny: number; readonly review: number }
export type CountedBy = { readonly name: string; readonly counts: Counts }

export type ReplaySummary = {
  readonly total: Counts
  readonly byAction: readonly CountedBy[]
  readonly byPrincipal: readonly CountedBy[]
  readonly byRule: readonly { readonly rule: string; readonly count: number }[]
  /** Recorded hours from the first to the last record; at least a minute. */
  readonly hours: number
  /** Cards that reviewers would have had: one per review, and one per principal, action and quarter of an hour. */
  readonly cards: {
    readonly oneByOne: number
    readonly grouped: number
    readonly oneByOnePerHour: number
    readonly groupedPerHour: number
  }
}

const groupMs = 900_000
const none: Counts = { allow: 0, deny: 0, review: 0 }

/** Counts outcomes by action, principal and rule, most cards first, and what they would have asked of reviewers. */
export const summarize = (outcomes: readonly ReplayOutcome[]): ReplaySummary => {
  const total = count(outcomes)
  const times = outcomes.map(({ occurredAt }) => Date.parse(occurredAt))
  const span =
    times.reduce((max, time) => Math.max(max, time), -Infinity) -
    times.reduce((min, time) => Math.min(min, time), Infinity)
  const hours = Math.max(Number.isFinite(span) ? span : 0, 60_000) / 3_600_000
  const reviews = outcomes.filter(({ effect }) => effect === 'review')
  const grouped = new Set(
    reviews.map(({ principal, action, occurredAt }) =>
      JSON.stringify([principal, action, Math.floor(Date.parse(occurredAt) / groupMs)]),
    ),
  ).size
  const rules = Map.groupBy(
    outcomes.flatMap(({ rules: named }) => named),
    (rule) => rule,
  )
  return {
    total,
    byAction: countBy(outcomes, ({ action }) => action),
    byPrincipal: countBy(outcomes, ({ principal }) => principal),
    byRule: [...rules]
      .map(([rule, named]) => ({ rule, count: named.length }))
      .toSorted((a, b) => b.count - a.count || (a.rule < b.rule ? -1 : 1)),
    hours,
    cards: {
      oneByOne: reviews.length,
      grouped,
      oneByOnePerHour: Math.round(reviews.length / hours),
      groupedPerHour: Math.round(grouped / hours),
    },
  }
}

const count = (outcomes: readonly ReplayOutcome[]): Counts =>
  outcomes.reduce<Counts>((counts, { effect }) => ({ ...counts, [effect]: counts[effect] + 1 }), none)

const countBy = (outcomes: readonly ReplayOutcome[], key: (outcome: ReplayOutcome) => string): CountedBy[] =>
  [...Map.groupBy(outcomes, key)]
    .map(([name, group]) => ({ name, counts: count(group) }))
    .toSorted((a, b) => stopped(b) - stopped(a) || b.counts.allow - a.counts.allow || (a.name < b.name ? -1 : 1))

const stopped = ({ counts }: CountedBy): number => counts.deny + counts.review
