import type pg from 'pg'
import type { EventStore } from './event-store.ts'
import type { Loaded } from './load-streams.ts'
import type { StreamRef } from './stream.ts'
import { isOutage } from './transaction.ts'

/** A question for many things at once, whose answers come in the order asked. */
type AskMany<Ask, Answer> = (asks: readonly Ask[]) => Promise<readonly Answer[]>

type Waiting<Ask, Answer> = {
  readonly ask: Ask
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

export type GatheredAsksOptions = {
  /** Questions at the same time; default 1. */
  readonly lanes?: number
  /** Most that one question asks; default 500. */
  readonly most?: number
}

/** No rest is longer. */
const longestRestMs = 20

/**
 * Rests for twice as long as the work before took, so that on a busy machine more gathers for the next time: what is done for
 * many costs little more than for one. Where nothing is busy, work is short, and so is the rest.
 */
export const restAfter = (tookMs: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, Math.min(longestRestMs, 2 * tookMs)))

/**
 * Natural batching of questions that come one by one: what is asked in one turn, or while others are answered, is one
 * question. An answer is never older than its question. One that cannot be answered does not fail the others.
 */
export class GatheredAsks<Ask, Answer> {
  readonly #askMany: AskMany<Ask, Answer>
  readonly #lanes: number
  readonly #most: number
  #waiting: Waiting<Ask, Answer>[] = []
  #underWay = 0

  constructor(askMany: AskMany<Ask, Answer>, { lanes = 1, most = 500 }: GatheredAsksOptions = {}) {
    this.#askMany = askMany
    this.#lanes = lanes
    this.#most = most
  }

  ask(ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject })
      // After this turn, so that everybody whom the same wake-up released has asked.
      if (this.#waiting.length === 1) setImmediate(() => this.#next())
    })
  }

  #next(): void {
    while (this.#underWay < this.#lanes && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#most)
      this.#underWay += 1
      void this.#run(batch)
    }
  }

  async #run(batch: readonly Waiting<Ask, Answer>[]): Promise<void> {
    const began = performance.now()
    await this.#answer(batch)
    await restAfter(performance.now() - began)
    this.#underWay -= 1
    this.#next()
  }

  async #answer(batch: readonly Waiting<Ask, Answer>[]): Promise<void> {
    try {
      const answers = await this.#askMany(batch.map(({ ask }) => ask))
      if (answers.length !== batch.length) throw new Error('not every question was answered')
      batch.forEach(({ resolve }, place) => resolve(answers[place] as Answer))
    } catch (error) {
      if (batch.length > 1 && !isOutage(error)) for (const one of batch) await this.#answer([one])
      else for (const { reject } of batch) reject(error)
    }
  }
}

/** Loads of streams, gathered: an answer holds what others asked as well, and shows each only what it names. */
export const gatheredLoads = (store: Pick<EventStore, 'load'>, lanes = 1): GatheredAsks<StreamRef, Loaded> =>
  new GatheredAsks(
    async (refs) => {
      const loaded = await store.load(refs)
      return refs.map(() => loaded)
    },
    { lanes },
  )

/** A statement on a pool, gathered for each pool by itself. */
export const gatheredOnPool = <Ask, Answer>(
  statement: (pool: pg.Pool, asks: readonly Ask[]) => Promise<readonly Answer[]>,
): ((pool: pg.Pool, ask: Ask) => Promise<Answer>) => {
  const ofPools = new WeakMap<pg.Pool, GatheredAsks<Ask, Answer>>()
  return (pool, ask) => {
    let gathered = ofPools.get(pool)
    if (gathered === undefined) {
      gathered = new GatheredAsks((asks) => statement(pool, asks))
      ofPools.set(pool, gathered)
    }
    return gathered.ask(ask)
  }
}
