import type { AuditRow } from './read-rows.ts'

/** A request that was allowed or approved, as the audit rows tell it. */
export type ApprovedRun = {
  readonly intentId: string
  readonly agent: string
  readonly action: string
  readonly target: string
  /** A person said yes. */
  readonly byPerson: boolean
  readonly approvedAt: number
  /** When its grant was used; undefined when it never was. */
  readonly usedAt?: number
  /** From when on it may not run any more: its end was reported, or had to be. */
  readonly until?: number
  readonly outcome?: 'succeeded' | 'failed' | 'unknown'
}

export type Known = {
  readonly runs: readonly ApprovedRun[]
  /** Names of agents that were ever registered. */
  readonly agents: ReadonlySet<string>
}

/** How long a run may last where nothing says it. */
const longestRunMs = 15 * 60_000
const outcomes = { ExecutionSucceeded: 'succeeded', ExecutionFailed: 'failed', ExecutionUnknown: 'unknown' } as const

const nameOf = ({ metadata }: AuditRow): string => metadata.event_code.split('.')[2] ?? ''

/** Folds audit rows, oldest first, into what was approved and which agents there are. */
export const knownFrom = (rows: readonly AuditRow[]): Known => {
  const runs = new Map<string, ApprovedRun>()
  const agents = new Set<string>()
  for (const row of rows) {
    const { time, unmapped = {}, metadata } = row
    const name = nameOf(row)
    if (name === 'AgentRegistered' && row.entity?.name !== undefined) agents.add(row.entity.name)
    const intentId = metadata.correlation_uid
    if (intentId === undefined) continue
    const before = runs.get(intentId)
    if (name === 'IntentAllowed' || name === 'ReviewApproved') {
      const { agent_name: agent = '', action = '', target = '' } = unmapped
      const byPerson = name === 'ReviewApproved'
      runs.set(intentId, { intentId, agent, action, target, byPerson, approvedAt: time })
    } else if (before !== undefined && name === 'GrantRedeemed') {
      const reportBefore = Date.parse(unmapped.report_before ?? '')
      const until = Number.isNaN(reportBefore) ? time + longestRunMs : reportBefore
      runs.set(intentId, { ...before, usedAt: time, until })
    } else if (before?.until !== undefined && name in outcomes) {
      const outcome = outcomes[name as keyof typeof outcomes]
      runs.set(intentId, { ...before, outcome, until: Math.min(before.until, time) })
    }
  }
  return { runs: [...runs.values()], agents }
}
