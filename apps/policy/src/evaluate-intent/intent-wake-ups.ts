import type { BatchOutcome, DeliveredBatch, RecordOutcome } from '@countersign/bus'
import { isOutage } from '@countersign/event-store'
import type { Log } from '@countersign/service-kit'
import type pg from 'pg'
import {
  EvaluationOvertaken,
  type EvaluateIntents,
  type EvaluationOutcome,
  type IntentRef,
} from './evaluate-intent.handler.ts'
import { readWakeUp, type WakeUp } from './read-wake-up.ts'
import { waitingIntents } from './waiting-intents.ts'

/** Sets that are activated while intents wait for one are rare; a page is enough for one pass. */
const waitingPage = 250

type Options = { readonly pool: pg.Pool; readonly intents: EvaluateIntents; readonly log: Log }

/**
 * Takes events of the bus as wake-ups: published intents are evaluated, and after an activation those that still wait.
 * Answers per record, so that one bad intent stops only itself; an outage stops the batch, which comes again.
 */
export class IntentWakeUps {
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  async handle({ records }: Pick<DeliveredBatch, 'records'>): Promise<BatchOutcome> {
    const wakeUps = records.map(readWakeUp)
    const outcomes = await this.#evaluate(wakeUps)
    for (const wakeUp of wakeUps) if (wakeUp.kind === 'policy_set') await this.#evaluateWaiting(wakeUp.tenantId)
    return wakeUps.map((wakeUp): RecordOutcome => {
      if (wakeUp.kind === 'malformed') return { quarantine: 'invalid_event' }
      if (wakeUp.kind !== 'intent') return 'done'
      return this.#recordOutcome(wakeUp, outcomes.get(keyOf(wakeUp)))
    })
  }

  async #evaluate(wakeUps: readonly WakeUp[]): Promise<Map<string, EvaluationOutcome>> {
    const named = new Map<string, IntentRef>()
    for (const wakeUp of wakeUps) if (wakeUp.kind === 'intent') named.set(keyOf(wakeUp), wakeUp)
    const refs = [...named.values()]
    const outcomes = await this.#outcomesOf(refs)
    return new Map(refs.map((ref, index) => [keyOf(ref), outcomes[index] ?? notEvaluated]))
  }

  /** What fails for a batch is tried for each intent alone: the one that can't be read must not stop the others. */
  async #outcomesOf(refs: readonly IntentRef[]): Promise<EvaluationOutcome[]> {
    if (refs.length === 0) return []
    try {
      return withoutOutage(await this.#options.intents.evaluate(refs))
    } catch (error) {
      // The store may be back already: what it could not decide then still comes again.
      if (isOutage(error) || error instanceof EvaluationOvertaken) throw error
      // Throws itself, and so stops the batch, when it is the store that is away.
      await this.#options.pool.query('select 1')
      if (refs.length === 1) return [{ status: 'failed', error }]
      const alone: EvaluationOutcome[] = []
      for (const ref of refs) alone.push(...(await this.#outcomesOf([ref])))
      return alone
    }
  }

  async #evaluateWaiting(tenantId: string): Promise<void> {
    for (let after: string | undefined; ; ) {
      const intentIds = await waitingIntents(this.#options.pool, { tenantId, after, limit: waitingPage })
      const outcomes = await this.#outcomesOf(intentIds.map((intentId) => ({ tenantId, intentId })))
      for (const [place, outcome] of outcomes.entries())
        if (outcome.status === 'failed') this.#logFailure({ tenantId, intentId: intentIds[place] }, outcome.error)
      after = intentIds.at(-1)
      if (intentIds.length < waitingPage) return
    }
  }

  #recordOutcome(ref: IntentRef, outcome: EvaluationOutcome = notEvaluated): RecordOutcome {
    const { log } = this.#options
    const { intentId, tenantId } = ref
    switch (outcome.status) {
      case 'decided':
      case 'nothing_to_do':
        return 'done'
      case 'no_policy_set':
        // Undecided it expires; an activation before that wakes it.
        log.error({ intentId, tenantId }, 'the tenant has no policy set that can be used')
        return 'done'
      case 'refused':
        if (outcome.refusal.code === 'unknown_event') return { park: 'unknown_event' }
        return outcome.refusal.code === 'unknown_intent' ? { quarantine: 'unknown_intent' } : 'done'
      case 'failed':
        this.#logFailure(ref, outcome.error)
        return { park: 'evaluation_failed' }
    }
  }

  #logFailure(ref: { readonly tenantId: string; readonly intentId: string | undefined }, error: unknown): void {
    this.#options.log.error({ ...ref, err: error }, 'the intent could not be evaluated')
  }
}

/** The outcomes; throws when one of them says nothing about its intent but that the store was away. */
const withoutOutage = (outcomes: readonly EvaluationOutcome[]): EvaluationOutcome[] => {
  for (const outcome of outcomes) if (outcome.status === 'failed' && isOutage(outcome.error)) throw outcome.error
  return [...outcomes]
}

const notEvaluated: EvaluationOutcome = { status: 'failed', error: new Error('not evaluated') }
const keyOf = ({ tenantId, intentId }: IntentRef): string => `${tenantId}/${intentId}`
