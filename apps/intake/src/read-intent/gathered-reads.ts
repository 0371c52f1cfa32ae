import { isOutage, type EventStore, type Loaded, type StreamRef } from '@countersign/event-store'

type Read = {
  readonly ref: StreamRef
  readonly resolve: (loaded: Loaded) => void
  readonly reject: (error: unknown) => void
}

const largestBatch = 500
/** Loads at a time; one connection each. */
export const concurrentReads = 2

/**
 * Loads streams for many readers with few queries. A wake-up lets all waiting readers ask at once, and what they ask in one
 * turn, or while other loads are under way, is one load. A load answers only those who asked before it began.
 */
export class GatheredReads {
  readonly #store: Pick<EventStore, 'load'>
  #waiting: Read[] = []
  #underWay = 0

  constructor(store: Pick<EventStore, 'load'>) {
    this.#store = store
  }

  read(ref: StreamRef): Promise<Loaded> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ref, resolve, reject })
      // After this turn, so that everybody whom the same wake-up released has asked.
      if (this.#waiting.length === 1) setImmediate(() => this.#next())
    })
  }

  #next(): void {
    while (this.#underWay < concurrentReads && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, largestBatch)
      this.#underWay += 1
      void this.#answer(batch).finally(() => {
        this.#underWay -= 1
        this.#next()
      })
    }
  }

  async #answer(batch: readonly Read[]): Promise<void> {
    try {
      const loaded = await this.#store.load(batch.map(({ ref }) => ref))
      for (const { resolve } of batch) resolve(loaded)
    } catch (error) {
      // A stream that cannot be read must not fail those of others.
      if (batch.length > 1 && !isOutage(error)) for (const one of batch) await this.#answer([one])
      else for (const { reject } of batch) reject(error)
    }
  }
}
