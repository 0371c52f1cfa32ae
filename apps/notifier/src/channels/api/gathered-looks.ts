import type { TrackedReview } from '../../present-review/tracked-review.ts'

type Waiting = {
  readonly reviewId: string
  readonly resolve: (review: TrackedReview | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Most ids of one query. */
const most = 500

/**
 * Looks reviews up for many readers, one query at a time: what is asked while one is under way shares the next. So readers who
 * wait for a review take one connection together, however many they are, and verdicts get through.
 */
export class GatheredLooks {
  readonly #find: (reviewIds: readonly string[]) => Promise<ReadonlyMap<string, TrackedReview>>
  #waiting: Waiting[] = []
  #isBusy = false

  constructor(find: (reviewIds: readonly string[]) => Promise<ReadonlyMap<string, TrackedReview>>) {
    this.#find = find
  }

  /** A review by its id, of whatever tenant; undefined when none is known yet. */
  look(reviewId: string): Promise<TrackedReview | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ reviewId, resolve, reject })
      if (!this.#isBusy) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, most)
      try {
        const found = await this.#find([...new Set(batch.map(({ reviewId }) => reviewId))])
        for (const { reviewId, resolve } of batch) resolve(found.get(reviewId))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#isBusy = false
  }
}
