/** Work that is done until none is left, then waits to be woken. */
export interface WorkLoop {
  /** There may be work. Cheap; calls while the work runs are remembered as one. */
  wake(): void
  /** Wakes it and resolves when the next piece of work that begins has ended, well or not, or the loop has stopped. */
  attempt(): Promise<void>
  /** Resolves when the work at hand is done; nothing runs after that. Idempotent. */
  stop(): Promise<void>
}

export interface WorkLoopOptions {
  /** Does a piece of work; answers whether there may be more. */
  readonly work: () => Promise<boolean>
  /** Told each time that the work was done. */
  readonly onSuccess: () => void
  /** Told of each failure; the work is tried again after a growing pause. */
  readonly onFailure: (error: unknown) => void
  /** Looks for work without being woken after this long, and ever less often while that finds none. */
  readonly idleMs: number
  /** The longest it waits for a wake-up, so that a lost one costs no more; `idleMs` by default. */
  readonly longestIdleMs?: number
  /** Shortest time from the end of a piece of work to the next one, asked for after each; 0 by default. */
  readonly spacingMs?: () => number
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000

/** Starts a loop, with a first look for work at once. */
export const startWorkLoop = (options: WorkLoopOptions): WorkLoop => {
  const { work, onSuccess, onFailure, idleMs, longestIdleMs = idleMs, spacingMs } = options
  let isStopping = false
  let isWoken = true
  let interrupt: () => void = () => undefined
  let waiting: (() => void)[] = []

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS
    let nextIdleMs = idleMs
    while (!isStopping) {
      isWoken = false
      const ended = waiting
      waiting = []
      try {
        const hasMore = await work()
        onSuccess()
        for (const resolve of ended) resolve()
        pauseMs = FIRST_PAUSE_MS
        if (hasMore) isWoken = true
        const restMs = spacingMs?.() ?? 0
        if (restMs > 0 && !isStopping) await uninterrupted(restMs)
        if (!isWoken && !isStopping) await pause(nextIdleMs)
        nextIdleMs = isWoken ? idleMs : Math.min(2 * nextIdleMs, longestIdleMs)
      } catch (error) {
        onFailure(error)
        for (const resolve of ended) resolve()
        if (!isStopping) await uninterrupted(pauseMs)
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
      }
    }
  }
  // A wake-up does not shorten these, a stop does.
  const uninterrupted = async (ms: number): Promise<void> => {
    const until = performance.now() + ms
    for (let left = ms; left > 0 && !isStopping; left = until - performance.now()) await pause(left)
  }

  const running = run().finally(() => {
    for (const resolve of waiting) resolve()
  })
  const wake = (): void => {
    isWoken = true
    interrupt()
  }
  return {
    wake,
    attempt: () =>
      new Promise((resolve) => {
        if (isStopping) resolve()
        else waiting.push(resolve)
        wake()
      }),
    stop: () => {
      isStopping = true
      interrupt()
      return running
    },
  }
}
