/** Work that is done until none is left, then waits to be woken. */
export interface WorkLoop {
  /** There may be work. Cheap; calls while the work runs are remembered as one. */
  wake(): void
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
  /** Looks for work without being woken after this long, so that a lost wake-up costs no more. */
  readonly idleMs: number
  /** Shortest time between the ends of two pieces of work that follow a wake-up; 0 by default. */
  readonly spacingMs?: number
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000

/** Starts a loop, with a first look for work at once. */
export const startWorkLoop = ({ work, onSuccess, onFailure, idleMs, spacingMs = 0 }: WorkLoopOptions): WorkLoop => {
  let isStopping = false
  let isWoken = true
  let interrupt: () => void = () => undefined

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
    while (!isStopping) {
      isWoken = false
      try {
        const hasMore = await work()
        onSuccess()
        pauseMs = FIRST_PAUSE_MS
        if (hasMore) isWoken = true
        if (spacingMs > 0 && !isStopping) await uninterrupted(spacingMs)
        if (!isWoken && !isStopping) await pause(idleMs)
      } catch (error) {
        onFailure(error)
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

  const running = run()
  return {
    wake: () => {
      isWoken = true
      interrupt()
    },
    stop: () => {
      isStopping = true
      interrupt()
      return running
    },
  }
}
