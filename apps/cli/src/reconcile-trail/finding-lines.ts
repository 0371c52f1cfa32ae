import { table } from '../print/table.ts'
import { plain, plural } from '../print/words.ts'
import type { Compared, Finding } from './compare-runs.ts'
import type { ComparedVerdicts } from './compare-verdicts.ts'

type Counted = {
  readonly calls: number
  readonly skipped: number
  readonly quarantined: readonly { readonly reason: string; readonly place: string }[]
}

const titles: Readonly<Record<Finding['kind'], string>> = {
  ran_without_approval: 'Ran without approval',
  ran_differently: 'Ran differently',
  approved_never_run: 'Approved and never run',
  unregistered_principal: 'Not registered as an agent',
}

const timeOf = (at: number): string => new Date(at).toISOString()

const cellsOf = (finding: Finding): string[] => {
  switch (finding.kind) {
    case 'ran_without_approval': {
      const { call } = finding
      return [timeOf(call.at), call.principal, call.action, call.target, call.operation, call.place]
    }
    case 'ran_differently': {
      const { call, run, differs } = finding
      const approved = { action: run.action, target: run.target, outcome: run.outcome ?? '', times: 'once' }[differs]
      return [
        timeOf(call.at),
        call.principal,
        call.action,
        call.target,
        `${differs}: ${approved} was approved`,
        run.intentId,
      ]
    }
    case 'approved_never_run': {
      const { run } = finding
      const what = run.usedAt === undefined ? 'its grant was not used' : 'its grant was used'
      return [timeOf(run.usedAt ?? run.approvedAt), run.agent, run.action, run.target, what, run.intentId]
    }
    case 'unregistered_principal':
      return [finding.principal, plural(finding.calls, 'call')]
    default:
      return finding satisfies never
  }
}

/** Findings by kind, then what was read. */
export const linesOfRuns = (
  { findings, matched, reads }: Compared,
  { calls, skipped, quarantined }: Counted,
): string[] => {
  const sections = Object.entries(titles).flatMap(([kind, title]) => {
    const some = findings.filter((finding) => finding.kind === kind)
    if (some.length === 0) return []
    const rows = some.map((finding) => cellsOf(finding).map(plain))
    return [
      `${title}: ${some.length}`,
      ...table(
        (rows[0] ?? []).map(() => ({ title: '' })),
        rows,
      ).slice(1),
      '',
    ]
  })
  const unread = quarantined.map(({ reason, place }) => `could not be read: ${place} ${reason}`)
  const ignored = reads === 0 ? '' : ` · ${plural(reads, 'read')} without approval not listed (--with-reads)`
  const others = skipped === 0 ? '' : ` · ${plural(skipped, 'line')} about nothing that is approved`
  return [
    ...sections,
    ...unread,
    `${plural(calls, 'call')} · ${matched} as approved · ${plural(findings.length, 'finding')}${ignored}${others}`,
  ]
}

/** Verdicts that do not stand, those whose seats rested on one person's word, then what was read. */
export const linesOfVerdicts = ({ verdicts, seats, findings, onOneWord }: ComparedVerdicts): string[] => [
  ...table(
    ['', '', '', '', ''].map((title) => ({ title })),
    findings.map(({ at, kind, person, group = '', intentId }) =>
      [timeOf(at), kind, person, group, intentId].map(plain),
    ),
  ).slice(1),
  ...linesOnOneWord(onOneWord),
  `${plural(verdicts, 'verdict')} and ${plural(seats, 'filled seat')} held against the directory of their moment · ${plural(findings.length, 'finding')}`,
]

const linesOnOneWord = (seats: ComparedVerdicts['onOneWord']): string[] =>
  seats.length === 0
    ? []
    : [
        `Seats on one person's word when they counted: ${seats.length}`,
        ...table(
          ['when', 'verdict', 'person', 'seat', 'on the word of', 'reviewed since', 'intent'].map((title) => ({
            title,
          })),
          seats.map(({ at, verdict, person, group, word, reviewed, intentId }) => {
            const since = reviewed === undefined ? 'no' : `${timeOf(reviewed.at)} by ${reviewed.by}`
            return [timeOf(at), verdict, person, group, word, since, intentId].map(plain)
          }),
        ),
        '',
      ]
