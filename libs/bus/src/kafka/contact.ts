/** When the broker was last heard, and a word while it is not: kafkajs rides out an outage without telling anybody. */
export class Contact {
  #at = performance.now()
  readonly #timer: NodeJS.Timeout

  /** Tells of silence when it has lasted that long, and about as often while it lasts. */
  constructor(limitMs: number, onSilence: (error: Error) => void) {
    this.#timer = setInterval(() => {
      const { silentMs } = this
      if (silentMs < limitMs) return
      onSilence(new Error(`the broker has not answered for ${Math.round(silentMs / 1_000)} s`))
    }, limitMs)
  }

  get silentMs(): number {
    return performance.now() - this.#at
  }

  made(): void {
    this.#at = performance.now()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
