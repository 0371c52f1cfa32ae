import { type Decided, type LimitedAgent, limitedAgentName, type TakenInWindow } from '@countersign/event-store'
import { isBeyond, windowStart } from '@countersign/policy-engine'
import type { EvaluatedIntent } from './evaluated-intent.ts'

type Taking = EvaluatedIntent['limits'][number]

const limitedAgent = ({ streams: [{ tenantId }] }: EvaluatedIntent, { rule, taker }: Taking): LimitedAgent => ({
  tenantId,
  rule,
  agent: taker,
})

/** Limits that allowing an intent would take from. */
export const limitedBy = (command: EvaluatedIntent): LimitedAgent[] =>
  command.limits.map((use) => limitedAgent(command, use))

/**
 * Rules whose limit leaves no room for an intent. Whoever takes from a limit holds its stream's lock until they commit, so
 * what was read stays true.
 */
export const limitsReached = (
  command: EvaluatedIntent,
  taken: ReadonlyMap<string, TakenInWindow>,
  now: string,
): ReadonlySet<string> =>
  new Set(
    command.limits
      .filter((use) => {
        const last = taken.get(limitedAgentName(limitedAgent(command, use)))
        const isThisWindow = last?.windowStart === windowStart(use.limit, Date.parse(now))
        return isBeyond(use, isThisWindow ? last.taken : 0)
      })
      .map(({ rule }) => rule),
  )

/** What an intent that was allowed takes. The window is that of its event. */
export const limitUses = ({ command, events }: Decided<EvaluatedIntent, unknown>) => {
  const allowed = events.find(({ type }) => type === 'IntentAllowed')
  if (allowed === undefined) return []
  return command.limits.map((use) => ({
    ...limitedAgent(command, use),
    windowStart: windowStart(use.limit, Date.parse(allowed.recordedAt)),
    cost: use.cost ?? 0,
  }))
}
