import { statSync } from 'node:fs'

/** How often files are looked at, at most. */
const lookAgainMs = 1_000

/** What differs after a file was written or replaced. */
const stateOf = (path: string): string => {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 'none' : [stat.ino, stat.size, stat.mtimeMs].join('/')
}

/**
 * Says when files that were read have changed. Nothing runs by itself: whoever uses what is in them asks, and is told of each
 * change once. A change while they are read again is told of the next time.
 */
export class FollowedFiles {
  readonly #paths: readonly string[]
  #seen: string
  #lookAt = performance.now() + lookAgainMs

  constructor(paths: readonly (string | undefined)[]) {
    this.#paths = paths.filter((path) => path !== undefined)
    this.#seen = this.#state()
  }

  /** Whether they changed, looked up at most once a second; `now` looks in any case. */
  changed({ now = false }: { readonly now?: boolean } = {}): boolean {
    if (this.#paths.length === 0 || (!now && performance.now() < this.#lookAt)) return false
    this.#lookAt = performance.now() + lookAgainMs
    const state = this.#state()
    if (state === this.#seen) return false
    this.#seen = state
    return true
  }

  #state(): string {
    return this.#paths.map(stateOf).join('|')
  }
}
