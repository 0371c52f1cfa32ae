import type { ApprovedRun, Known } from './approved-run.ts'
import type { TrailCall } from './trail-call.ts'

/** Something in which what ran is not what was approved. */
export type Finding =
  | { readonly kind: 'ran_without_approval'; readonly call: TrailCall }
  | { readonly kind: 'approved_never_run'; readonly run: ApprovedRun }
  | {
      readonly kind: 'ran_differently'
      readonly call: TrailCall
      readonly run: ApprovedRun
      /** `times`: it ran again under a grant that was used up. */
      readonly differs: 'action' | 'target' | 'outcome' | 'times'
    }
  | { readonly kind: 'unregistered_principal'; readonly principal: string; readonly calls: number }

export type Compared = { readonly findings: readonly Finding[]; readonly matched: number; readonly reads: number }

export type CompareOptions = {
  /** Agent by the name that the trail has for it; who is not named is called the same in both. */
  readonly principals: ReadonlyMap<string, string>
  /** How far the clocks of trail and Countersign may be apart. */
  readonly toleranceMs: number
  /** Reads without an approval are findings too. */
  readonly withReads: boolean
  /** Whether a target is one of the system whose trail this is. */
  readonly covers: (target: string) => boolean
}

/** Actions that change nothing and open nothing: a trail is full of them. Reading a secret is none of them. */
const reads: ReadonlySet<string> = new Set(['data.read', 'cloud.read', 'cloud.report', 'cloud.service', 'key.use'])
export const isRead = (action: string): boolean => reads.has(action)

/**
 * Compares what a system did with what was approved. A call belongs to a request when agent, action and target are the same
 * and it falls between the use of the grant and its reported end, or the time by which that was due. One request is one call.
 * A call that falls into the time of a request of its agent that has no call yet, and shares action or target with it, is
 * that request, run differently. Whatever is left ran without approval. Requests of which the trail should know, because
 * their target is of its kind and their time lies within it, and of which it does not, never ran.
 */
export const compareRuns = (calls: readonly TrailCall[], known: Known, options: CompareOptions): Compared => {
  const { principals, toleranceMs, withReads, covers } = options
  const agentOf = ({ principal }: TrailCall): string => principals.get(principal) ?? principal
  const ordered = calls.toSorted((one, other) => one.at - other.at)
  const runsOf = Map.groupBy(
    known.runs.filter(({ usedAt }) => usedAt !== undefined),
    ({ agent }) => agent,
  )
  const inTime = (call: TrailCall): readonly ApprovedRun[] =>
    (runsOf.get(agentOf(call)) ?? []).filter(
      ({ usedAt = 0, until = 0 }) => call.at >= usedAt - toleranceMs && call.at <= until + toleranceMs,
    )
  const taken = new Map<string, TrailCall>()
  const findings: Finding[] = []
  const left: TrailCall[] = []
  for (const call of ordered) {
    const same = inTime(call).filter(({ action, target }) => action === call.action && target === call.target)
    const run = same.find(({ intentId }) => !taken.has(intentId)) ?? same[0]
    if (run === undefined) left.push(call)
    else if (taken.has(run.intentId)) findings.push({ kind: 'ran_differently', call, run, differs: 'times' })
    else {
      taken.set(run.intentId, call)
      if (contradicts(call, run)) findings.push({ kind: 'ran_differently', call, run, differs: 'outcome' })
    }
  }
  const matched = taken.size
  let readCalls = 0
  for (const call of left) {
    const run = inTime(call).find(
      ({ intentId, action, target }) => !taken.has(intentId) && (action === call.action || target === call.target),
    )
    const isIgnored = run === undefined && !withReads && isRead(call.action)
    if (isIgnored) readCalls += 1
    else if (run === undefined) findings.push({ kind: 'ran_without_approval', call })
    else {
      taken.set(run.intentId, call)
      findings.push({ kind: 'ran_differently', call, run, differs: run.action === call.action ? 'target' : 'action' })
    }
  }
  const [first, last] = [ordered[0]?.at ?? Number.POSITIVE_INFINITY, ordered.at(-1)?.at ?? Number.NEGATIVE_INFINITY]
  const isWithin = (at: number): boolean => at >= first - toleranceMs && at <= last + toleranceMs
  for (const run of known.runs) {
    const isExpected = run.usedAt !== undefined || run.byPerson
    if (!taken.has(run.intentId) && isExpected && covers(run.target) && isWithin(run.usedAt ?? run.approvedAt))
      findings.push({ kind: 'approved_never_run', run })
  }
  const strangers = Map.groupBy(ordered, agentOf)
  for (const [principal, theirs] of strangers) {
    if (!known.agents.has(principal)) findings.push({ kind: 'unregistered_principal', principal, calls: theirs.length })
  }
  return { findings, matched, reads: readCalls }
}

/** The trail and the report tell another end. A trail that says nothing about it contradicts nobody. */
const contradicts = (call: TrailCall, { outcome }: ApprovedRun): boolean =>
  call.outcome !== undefined && (outcome === 'succeeded' || outcome === 'failed') && call.outcome !== outcome
