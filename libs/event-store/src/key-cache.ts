/** Keeps unwrapped keys for a while, the oldest leaving first when there are too many. */
export class KeyCache<Key> {
  readonly #entries = new Map<string, { readonly key: Key; readonly until: number }>()
  readonly #limits: { readonly keepMs: number; readonly max: number }

  constructor(limits: { readonly keepMs: number; readonly max: number }) {
    this.#limits = limits
  }

  get(name: string): Key | undefined {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    if (entry.until > performance.now()) return entry.key
    this.#entries.delete(name)
    return undefined
  }

  set(name: string, key: Key): void {
    this.#entries.delete(name)
    this.#entries.set(name, { key, until: performance.now() + this.#limits.keepMs })
    if (this.#entries.size <= this.#limits.max) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  delete(name: string): void {
    this.#entries.delete(name)
  }
}
