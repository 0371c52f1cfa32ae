/** Looks per limit: time is counted in looks, so that a process that itself stood still is not taken for dead. */
const looks = 8

/**
 * Notices that a consumer has fallen silent for good: kafkajs can lose a consumer without an error while the process
 * lives on. Every sign of life, also a failed try, starts the time anew.
 */
export class Watchdog {
  readonly #timer: NodeJS.Timeout
  #quiet = 0

  constructor(limitMs: number, onSilence: () => void) {
    this.#timer = setInterval(() => {
      this.#quiet += 1
      if (this.#quiet === looks) onSilence()
    }, limitMs / looks)
    this.#timer.unref()
  }

  signOfLife(): void {
    this.#quiet = 0
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
