/** Looks per limit: time is counted in looks, so that a process that itself stood still does not blame the broker. */
const looks = 4

/** When the broker was last heard, and a word while it is not: kafkajs rides out an outage without telling anybody. */
export class Contact {
  #at = performance.now()
  #quiet = 0
  readonly #timer: NodeJS.Timeout

  /** Tells of silence when it has lasted that long, and as often again while it lasts. */
  constructor(limitMs: number, onSilence: (error: Error) => void) {
    this.#timer = setInterval(() => {
      this.#quiet += 1
      if (this.#quiet % looks > 0) return
      onSilence(new Error(`the broker has not answered for ${Math.round(this.silentMs / 1_000)} s`))
    }, limitMs / looks)
  }

  get silentMs(): number {
    return performance.now() - this.#at
  }

  made(): void {
    this.#at = performance.now()
    this.#quiet = 0
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
