import { isRefusal, type Refusal } from '@countersign/contracts'
import {
  holdActivePolicySets,
  withTenants,
  loadStreams,
  addLimitUses,
  readLimitUses,
  StaleKey,
  type TakenInWindow,
  type CommandHandler,
  type EventStore,
  type Keyring,
  type ReadPayloads,
  type StreamRef,
} from '@countersign/event-store'
import { decide, foldIntent, isPublished, type Intent } from '@countersign/intent'
import type pg from 'pg'
import { isUsable, type ActiveSet, type ActiveSets, type UsableSet } from '../active-sets.ts'
import { policySetStream } from '../activate-policy-set/policy-set-stream.ts'
import { evaluateIntent, type EvaluatedIntent } from './evaluated-intent.ts'
import { limitedBy, limitsReached, limitUses } from './limit-uses.ts'
import { PolicyAuthors, type AuthoredChange } from './policy-authors.ts'

/** What became of an intent that was to be evaluated. */
export type EvaluationOutcome =
  | { readonly status: 'decided' | 'nothing_to_do' | 'no_policy_set' }
  | { readonly status: 'refused'; readonly refusal: Refusal }
  | { readonly status: 'failed'; readonly error: unknown }

export type IntentRef = { readonly tenantId: string; readonly intentId: string }

type Options = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly keyring: Keyring
  readonly sets: ActiveSets
  readonly collectWithinMs: number
  /** Gives tenants their first policy set. */
  readonly seed: (tenantIds: readonly string[]) => Promise<void>
}

type Answer = 'decided' | 'nothing_to_do' | Refusal
type Context = ReadonlyMap<string, TakenInWindow>
type Seen = {
  readonly states: ReadonlyMap<IntentRef, ReturnType<typeof foldIntent>>
  readonly active: ReadonlyMap<string, ActiveSet>
  readonly changes: ReadonlyMap<string, readonly AuthoredChange[]>
  /** Sealed parameters of those that wait for an evaluation. */
  readonly payloads: ReadPayloads
}

/** Two events per intent, 500 per append. */
const largestBatch = 250
/** A set that changes again and again between evaluation and append leaves the intent to the next delivery. */
const mostAttempts = 5

/** Between the evaluation and the append another set became active or an intent's key was destroyed. */
export class EvaluationOvertaken extends Error {
  constructor() {
    super('the policy set or a key changed meanwhile')
  }
}

const streamOf = ({ tenantId, intentId }: IntentRef): StreamRef => ({ kind: 'intent', streamId: intentId, tenantId })

/**
 * Evaluates intents in batches: one load, one opening of parameters, one append. The evaluation happens outside the
 * transaction; the append counts only if the set it used is still the active one when it commits, held against activation
 * until then, else the intent is evaluated again under the new one.
 */
export class EvaluateIntents {
  readonly #options: Options
  readonly #authors = new PolicyAuthors()

  constructor(options: Options) {
    this.#options = options
  }

  /** One outcome per intent, in order. Rejects only when the store can't be reached. */
  async evaluate(intents: readonly IntentRef[]): Promise<EvaluationOutcome[]> {
    const outcomes = new Map<IntentRef, EvaluationOutcome>()
    for (let from = 0; from < intents.length; from += largestBatch)
      await this.#evaluateBatch(intents.slice(from, from + largestBatch), outcomes)
    return intents.map((intent) => outcomes.get(intent) ?? { status: 'failed', error: new Error('not evaluated') })
  }

  async #evaluateBatch(intents: readonly IntentRef[], outcomes: Map<IntentRef, EvaluationOutcome>): Promise<void> {
    let open = intents
    for (let attempt = 1; open.length > 0; attempt += 1) {
      const again = await this.#attempt(open, outcomes)
      if (again.length > 0 && attempt === mostAttempts) throw new EvaluationOvertaken()
      open = again
    }
  }

  /** Evaluates and appends once; answers those that were overtaken under way. */
  async #attempt(intents: readonly IntentRef[], outcomes: Map<IntentRef, EvaluationOutcome>): Promise<IntentRef[]> {
    const seen = await this.#read(intents)
    const evaluable: { intent: IntentRef; state: Intent; active: UsableSet }[] = []
    for (const intent of intents) {
      const state = seen.states.get(intent) ?? foldIntent([])
      const active = seen.active.get(intent.tenantId)
      if (!isPublished(state))
        outcomes.set(intent, { status: 'refused', refusal: refusalOf(state.status === 'unreadable') })
      else if (state.status !== 'published') outcomes.set(intent, { status: 'nothing_to_do' })
      else if (!isUsable(active)) outcomes.set(intent, { status: 'no_policy_set' })
      else evaluable.push({ intent, state, active })
    }
    if (evaluable.length === 0) return []
    const opened = await this.#options.keyring.open(seen.payloads)
    const commands = new Map<EvaluatedIntent, IntentRef>()
    for (const { intent, state, active } of evaluable) {
      const evaluated = evaluateIntent({
        ref: streamOf(intent),
        intent: state,
        sealed: opened.get(state.published.payload.sealedId),
        set: active.set,
        changes: seen.changes.get(intent.tenantId) ?? [],
        collectWithinMs: this.#options.collectWithinMs,
      })
      commands.set(evaluated, intent)
    }
    return this.#append(commands, outcomes)
  }

  /** Streams, active sets and sealed parameters as one transaction sees them; tenants that never had a set get their first one. */
  async #read(intents: readonly IntentRef[]): Promise<Seen> {
    const { pool, sets, seed, keyring } = this.#options
    const tenantIds = [...new Set(intents.map(({ tenantId }) => tenantId))]
    const read = () =>
      withTenants(pool, tenantIds, async (tx): Promise<Seen> => {
        // Together, and the streams behind the active set: the change that made it active is among them.
        const [active, loaded] = await Promise.all([
          sets.read(tx, tenantIds),
          loadStreams(tx, [...intents.map(streamOf), ...tenantIds.map(policySetStream)]),
        ])
        const histories = tenantIds.map((tenantId) => {
          const { events } = loaded.of(policySetStream(tenantId))
          return { tenantId, events, now: loaded.now }
        })
        const states = new Map(intents.map((intent) => [intent, foldIntent(loaded.of(streamOf(intent)).events)]))
        const [changes, payloads] = await Promise.all([
          this.#authors.read(tx, histories),
          keyring.read(tx, sealedOf(states)),
        ])
        return { states, active, changes, payloads }
      })
    const seen = await read()
    const without = tenantIds.filter((tenantId) => !seen.active.has(tenantId))
    if (without.length === 0) return seen
    await seed(without)
    return read()
  }

  async #append(
    commands: ReadonlyMap<EvaluatedIntent, IntentRef>,
    outcomes: Map<IntentRef, EvaluationOutcome>,
  ): Promise<IntentRef[]> {
    const { store, keyring } = this.#options
    const sealed = await keyring.sealBatch([...commands.keys()].flatMap(({ facts }) => facts ?? []))
    const handler: CommandHandler<EvaluatedIntent, Context, Answer> = {
      read: (tx, batch) => readLimitUses(tx, batch.flatMap(limitedBy)),
      decide: (command, loaded, taken) => {
        const [ref] = command.streams
        const reached = limitsReached(command, taken, loaded.now)
        const evaluation = reached.size === 0 ? command.evaluation : command.beyond(reached)
        const state = foldIntent(loaded.of(ref).events)
        const outcome = decide({ type: 'EvaluateIntent', now: loaded.now, ...evaluation }, state)
        if (isRefusal(outcome)) return { append: [], answer: outcome }
        return {
          append: [{ stream: ref, events: outcome }],
          answer: outcome.length === 0 ? 'nothing_to_do' : 'decided',
        }
      },
      effects: async (tx, decided) => {
        const made = decided.filter(({ answer }) => answer === 'decided').map(({ command }) => command)
        if (made.length === 0) return
        const ids = new Set(made.map(({ streams }) => streams[0].streamId))
        // Sent together, and all answered before anything ends the transaction; what is written under a set that is no
        // longer active is rolled back.
        const [held, ...written] = await Promise.allSettled([
          holdActivePolicySets(tx, [...new Set(made.map(({ streams }) => streams[0].tenantId))]),
          addLimitUses(tx, decided.flatMap(limitUses)),
          keyring.writeSealed(tx, {
            rows: sealed.rows.filter(({ streamId }) => ids.has(streamId)),
            newKeys: sealed.newKeys.filter(({ streamId }) => ids.has(streamId)),
          }),
        ])
        if (held.status === 'rejected') throw held.reason
        for (const each of written) if (each.status === 'rejected') throw each.reason
        for (const { streams, evaluation } of made)
          if (held.value.get(streams[0].tenantId) !== evaluation.policySetDigest) throw new EvaluationOvertaken()
      },
    }
    const again: IntentRef[] = []
    for (const outcome of await store.executeBatch([...commands.keys()], handler)) {
      const intent = commands.get(outcome.command)
      if (intent === undefined) throw new Error('an outcome belongs to no command')
      if (outcome.status === 'failed') {
        if (outcome.error instanceof EvaluationOvertaken || outcome.error instanceof StaleKey) again.push(intent)
        else outcomes.set(intent, { status: 'failed', error: outcome.error })
      } else if (isRefusal(outcome.answer)) outcomes.set(intent, { status: 'refused', refusal: outcome.answer })
      else outcomes.set(intent, { status: outcome.answer })
    }
    return again
  }
}

const sealedOf = (states: Seen['states']) =>
  [...states].flatMap(([{ tenantId }, state]) =>
    isPublished(state) && state.status === 'published'
      ? [{ tenantId, sealedId: state.published.payload.sealedId }]
      : [],
  )

const refusalOf = (isUnreadable: boolean): Refusal => ({
  refused: true,
  code: isUnreadable ? 'unknown_event' : 'unknown_intent',
})
