import { CountersignRefused, type Countersign, type Http, persist } from '@countersign/client'
import type { Effect, IntentView, RegisterAgentBody } from '@countersign/contracts'
import { intentFromCloudTrail } from '../replay/intent-from-cloudtrail.ts'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import type { ReadLine } from '../replay/read-records.ts'
import type { ReplayOutcome } from '../replay/summarize.ts'
import { inFlight } from './in-flight.ts'

/** What became of one line of a trail. */
export type ReplayedLine =
  | ({ readonly kind: 'decided'; readonly record: CloudTrailRecord } & ReplayOutcome)
  | { readonly kind: 'refused'; readonly line: number; readonly code: string }
  | { readonly kind: 'not_read'; readonly line: number; readonly code: string }
  | { readonly kind: 'undecided'; readonly line: number; readonly intentId: string }

export type ReplayProgress = { readonly read: number; readonly published: number; readonly decided: number }

export type ReplayOptions = {
  readonly client: Countersign
  readonly call: Http
  readonly signal: AbortSignal
  /** Requests under way at a time. */
  readonly concurrency: number
  /** How long to wait for the last decisions, ms. */
  readonly patienceMs: number
  readonly onProgress: (progress: ReplayProgress) => void
}

type Published = { readonly line: number; readonly record: CloudTrailRecord; readonly view: IntentView }

const attempts = 30

/**
 * Publishes a trail as the intents that it would have been, many at a time, and waits for policy to answer each. Principals
 * are registered as agents before their first intent. A record is published once however often the trail is replayed. Every
 * line is accounted for in the answer.
 */
export const publishTrail = async (
  lines: AsyncIterable<ReadLine> | Iterable<ReadLine>,
  options: ReplayOptions,
): Promise<ReplayedLine[]> => {
  const { client, signal, concurrency, onProgress } = options
  const outcomes: ReplayedLine[] = []
  const waiting: Published[] = []
  const register = registrar(options)
  let read = 0
  const progress = (): void => onProgress({ read, published: waiting.length, decided: outcomes.length })

  await inFlight(lines, concurrency, async (line) => {
    read += 1
    if ('quarantined' in line) {
      outcomes.push({ kind: 'not_read', line: line.line, code: line.quarantined })
      return
    }
    const { body, idempotencyKey, principalKind } = intentFromCloudTrail(line.record)
    try {
      await register({ name: body.agent.name, kind: principalKind })
      const view = await persist(() => client.publish(body, idempotencyKey, signal), { attempts, signal })
      waiting.push({ line: line.line, record: line.record, view })
    } catch (error) {
      if (!(error instanceof CountersignRefused) || error.status >= 500 || error.status === 401) throw error
      outcomes.push({ kind: 'refused', line: line.line, code: error.code })
    }
    progress()
  })
  const decided = await decisions(waiting, options, (count) =>
    onProgress({ read, published: waiting.length, decided: outcomes.length + count }),
  )
  return [...outcomes, ...decided]
}

/** Registers each principal once; those who need the same one share the request. */
const registrar = ({ call, signal }: ReplayOptions) => {
  const registered = new Map<string, Promise<unknown>>()
  return (agent: RegisterAgentBody): Promise<unknown> => {
    const known = registered.get(agent.name)
    if (known !== undefined) return known
    const asked = persist(() => call('/v1/agents', { method: 'POST', body: agent, signal }), { attempts, signal })
    registered.set(agent.name, asked)
    return asked
  }
}

const pauseMs = 250

/**
 * What policy answered, oldest first, without holding a request open for each: those that have no answer yet are asked about
 * again in the next round. Policy answers in the order of publishing, so most have theirs when they are first asked about.
 */
const decisions = async (
  waiting: readonly Published[],
  { client, signal, concurrency, patienceMs }: ReplayOptions,
  onDecided: (count: number) => void,
): Promise<ReplayedLine[]> => {
  const decided: ReplayedLine[] = []
  const until = performance.now() + patienceMs
  let open = [...waiting].sort((a, b) => (a.view.intentId < b.view.intentId ? -1 : 1))
  while (open.length > 0) {
    const later: Published[] = []
    // One wait for the oldest tells whether policy is at work at all; the others are then only looked at.
    await inFlight(open.entries(), concurrency, async ([place, item]) => {
      const first = place === 0 ? pauseMs : 0
      const view = await persist(() => client.read(item.view.intentId, first, signal), { attempts, signal })
      const outcome = outcomeOf(item, view)
      if (outcome === undefined) later.push(item)
      else onDecided(decided.push(outcome))
    })
    if (later.length > 0 && performance.now() >= until) {
      return [...decided, ...later.map(({ line, view }) => undecided(line, view.intentId))]
    }
    open = later
  }
  return decided
}

const undecided = (line: number, intentId: string): ReplayedLine => ({ kind: 'undecided', line, intentId })

const outcomeOf = ({ record, line }: Published, view: IntentView): ReplayedLine | undefined => {
  if (view.effect === undefined) return view.state === 'expired' ? undecided(line, view.intentId) : undefined
  const { body } = intentFromCloudTrail(record)
  return {
    kind: 'decided',
    record,
    action: body.action,
    principal: body.agent.name,
    effect: view.effect as Effect,
    rules: view.rules,
    occurredAt: record.occurredAt,
  }
}
