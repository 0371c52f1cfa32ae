import { OwnershipLost } from './tenure.ts'

export interface RedriverOptions {
  readonly topics: () => Promise<readonly string[]>
  /** Delivers one batch of a topic again; answers whether there may be more. */
  readonly batch: (topic: string) => Promise<boolean>
  readonly onOutage: (error: unknown) => void
  /** The partitions were claimed by another, or so it seems. */
  readonly onLost: () => void
}

/** Looks for parked records that an operator wants delivered again, one look at a time. */
export class Redriver {
  readonly #options: RedriverOptions
  #isLooking = false

  constructor(options: RedriverOptions) {
    this.#options = options
  }

  async look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      for (const topic of await this.#options.topics()) {
        while (await this.#options.batch(topic));
      }
    } catch (error) {
      if (error instanceof OwnershipLost) this.#options.onLost()
      else this.#options.onOutage(error)
    } finally {
      this.#isLooking = false
    }
  }
}
