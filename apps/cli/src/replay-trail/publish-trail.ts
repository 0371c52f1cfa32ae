import { CountersignRefused, type Countersign, type Http, persist } from '@countersign/client'
import type { IntentView } from '@countersign/contracts'
import { intentFromCloudTrail } from '../replay/intent-from-cloudtrail.ts'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import type { ReadLine } from '../replay/read-records.ts'
import { inFlight } from './in-flight.ts'
import { attempts, registrar } from './register-principals.ts'
import { outcomeOf, type ReplayedLine, type ReplayProgress, undecided } from './replayed-line.ts'

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
