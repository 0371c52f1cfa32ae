import type { CountedBy, ReplaySummary } from '../replay/summarize.ts'
import { table } from '../print/table.ts'
import { count, plain, plural } from '../print/words.ts'
import type { StepReport } from './attack-report.ts'

const shown = 25
const effectWords = { allow: 'ALLOWED', deny: 'denied', review: 'reviewed' } as const

const counted = (title: string, rows: readonly CountedBy[]): string[] => {
  const columns = [title, 'allowed', 'denied', 'reviewed'].map((name, index) => ({
    title: name,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }))
  const cells = rows
    .slice(0, shown)
    .map(({ name, counts }) => [plain(name), count(counts.allow), count(counts.deny), count(counts.review)])
  const more = rows.length - shown
  return [...table(columns, cells), ...(more > 0 ? [`and ${count(more)} more`] : [])]
}

/** The summary of a replay as tables. */
export const summaryLines = (summary: ReplaySummary): string[] => {
  const { total, byAction, byPrincipal, cards, hours } = summary
  return [
    ...counted('action', byAction),
    '',
    ...counted('principal', byPrincipal),
    '',
    ...counted('all', [{ name: `${hours.toFixed(1)} recorded hours`, counts: total }]),
    '',
    `cards an hour   ${count(cards.oneByOnePerHour)} one by one (${plural(cards.oneByOne, 'card')}) · ${count(cards.groupedPerHour)} grouped by principal and action in quarters of an hour (${plural(cards.grouped, 'card')})`,
  ]
}

/** Each step of the attack and how it was stopped. */
export const attackLines = (steps: readonly StepReport[]): string[] => {
  const columns = [
    { title: 'step of the attack' },
    { title: 'call' },
    { title: 'calls', align: 'right' as const },
    { title: 'outcome' },
    { title: 'rule' },
  ]
  const rows = steps.map(({ technique, call, calls, effects, rules }) => [
    technique,
    call,
    count(calls),
    effects.map((effect) => effectWords[effect]).join(', ') || 'NOT FOUND',
    rules.join(', '),
  ])
  const stopped = steps.filter((step) => step.stopped).length
  return [...table(columns, rows), '', `${plural(steps.length, 'step')} of the attack, ${count(stopped)} stopped`]
}
