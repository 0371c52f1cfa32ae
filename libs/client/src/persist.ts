import { setTimeout as delay } from 'node:timers/promises'
import { CountersignRefused, isTransient } from './errors.ts'

export type Persistence = {
  /** Times a request is sent at most; 4 if absent. */
  readonly attempts?: number
  readonly signal?: AbortSignal | undefined
}

const longestWaitMs = 10_000

/**
 * Sends a request again while it fails for a passing reason: no answer, 5xx, or 429, after what `Retry-After` asks or 200,
 * 400, 800 … ms. Only for requests that have their effect once however often they are sent.
 */
export const persist = async <Answer>(
  send: (attempt: number) => Promise<Answer>,
  { attempts = 4, signal }: Persistence = {},
): Promise<Answer> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(attempt)
    } catch (error) {
      if (!isTransient(error) || attempt >= attempts) throw error
      const asked = error instanceof CountersignRefused ? error.retryAfterMs : undefined
      await pause(Math.min(asked ?? 100 * 2 ** attempt, longestWaitMs), signal)
    }
  }
}

/** Waits, unless the caller gives up; then it throws the caller's reason. */
export const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw error
  })
}
