interface Call {
  left: number
  hasFailed: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface NaturalBatchOptions<Item> {
  /** Sends items in order; never called again before it settled. */
  readonly send: (items: readonly Item[]) => Promise<void>
  readonly sizeOf: (item: Item) => number
  readonly maxItems: number
  readonly maxBytes: number
}

/**
 * Natural batching: while one send is in flight everything queues, then all that has gathered goes in the next one.
 * No timer, so a lone caller waits for nothing, and many share a round trip. Order is the order of the `add` calls.
 */
export class NaturalBatch<Item> {
  readonly #options: NaturalBatchOptions<Item>
  #queue: { readonly item: Item; readonly call: Call }[] = []
  #draining: Promise<void> | undefined

  constructor(options: NaturalBatchOptions<Item>) {
    this.#options = options
  }

  /**
   * Resolves when all items are sent; rejects with the first failure of a send that held one of them, and then sends
   * none of its items that still wait.
   */
  add(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const call: Call = { left: items.length, hasFailed: false, resolve, reject }
    for (const item of items) this.#queue.push({ item, call })
    this.#draining ??= this.#drain()
    return promise
  }

  /** Resolves when nothing is queued or in flight; never rejects. */
  async idle(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  async #drain(): Promise<void> {
    // One turn later, so that calls made in the same turn share the first send.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const taken = this.#take()
      if (taken.length === 0) continue
      try {
        await this.#options.send(taken.map(({ item }) => item))
        for (const { call } of taken) {
          call.left -= 1
          if (call.left === 0) call.resolve()
        }
      } catch (error) {
        for (const { call } of taken) {
          call.hasFailed = true
          call.reject(error)
        }
      }
    }
    this.#draining = undefined
  }

  #take(): { readonly item: Item; readonly call: Call }[] {
    const taken: { readonly item: Item; readonly call: Call }[] = []
    let bytes = 0
    let next = 0
    for (; next < this.#queue.length && taken.length < this.#options.maxItems; next += 1) {
      const entry = this.#queue[next]
      if (entry === undefined || entry.call.hasFailed) continue
      bytes += this.#options.sizeOf(entry.item)
      if (taken.length > 0 && bytes > this.#options.maxBytes) break
      taken.push(entry)
    }
    this.#queue = this.#queue.slice(next)
    return taken
  }
}
