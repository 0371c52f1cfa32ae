/** One at a time, in the order of asking. */
export class Turn {
  #last: Promise<void> = Promise.resolve()

  /** Resolves when it is the caller's turn; call what it answers when done. */
  async take(): Promise<() => void> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return resolve
  }
}
