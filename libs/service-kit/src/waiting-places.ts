import { Refused } from './problem-details.ts'

/**
 * Places in which callers wait, so many for each of them. Who hangs up waits on until their time is over, so connections bound
 * nothing: one caller who asks and hangs up would have a service look for thousands, and for nobody else in time.
 */
export class WaitingPlaces {
  readonly #most: number
  readonly #taken = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Takes a place and answers how to leave it; refused with `too_many_requests` while the caller holds all of theirs. */
  take(caller: string): () => void {
    const taken = this.#taken.get(caller) ?? 0
    if (taken >= this.#most) throw new Refused({ code: 'too_many_requests', headers: { 'retry-after': '1' } })
    this.#taken.set(caller, taken + 1)
    return () => {
      const left = (this.#taken.get(caller) ?? 0) - 1
      if (left > 0) this.#taken.set(caller, left)
      else this.#taken.delete(caller)
    }
  }
}
