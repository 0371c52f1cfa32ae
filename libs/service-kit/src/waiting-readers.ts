/** Lets any number of readers wait until the one thing that each of them reads has changed. */
export class WaitingReaders {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Releases those who wait for one of these ids; everybody when it is not known what changed. */
  wake(ids: Iterable<string> | undefined): void {
    for (const id of ids ?? [...this.#waiting.keys()]) {
      const released = this.#waiting.get(id)
      this.#waiting.delete(id)
      for (const release of released ?? []) release()
    }
  }

  /** Resolves when the id is woken next, after `ms`, or when `signal` aborts. */
  next(id: string, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#forget(id, done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      if (signal.aborted) {
        done()
        return
      }
      const others = this.#waiting.get(id)
      if (others === undefined) this.#waiting.set(id, new Set([done]))
      else others.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #forget(id: string, done: () => void): void {
    const others = this.#waiting.get(id)
    others?.delete(done)
    if (others?.size === 0) this.#waiting.delete(id)
  }
}
