import { intentStream } from '@countersign/event-store'
import type { EventData, IntentView } from '@countersign/contracts'
import type { GatheredReads } from './gathered-reads.ts'
import { intentView, isUndecided } from './intent-view.ts'

/** Called by whoever learns that something was appended. */
export type AppendedSignal = {
  readonly wake: () => void
  /** Resolves at the next wake, after `ms`, or when `signal` aborts. */
  readonly next: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Lets any number of readers wait for the next append; each wake-up releases all of them. */
export const appendedSignal = (): AppendedSignal => {
  let waiting = new Set<() => void>()
  return {
    wake: () => {
      const released = waiting
      waiting = new Set()
      for (const release of released) release()
    },
    next: (ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          waiting.delete(done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        if (signal.aborted) {
          done()
          return
        }
        waiting.add(done)
        signal.addEventListener('abort', done, { once: true })
      }),
  }
}

/** Without a wake-up a waiting reader looks again after this long: a lost one costs time only. */
const safetyMs = 1_000

type Published = EventData<'ActionIntentPublished'>

export type ReadRequest = {
  readonly tenantId: string
  readonly intentId: string
  readonly waitMs: number
  /** Whether the caller may see the intent; asked before anybody waits, so that waiting tells nothing. */
  readonly mayRead: (intent: Published) => boolean
}

/**
 * Reads intents for their requesters: as they stand, or once they are decided, at most `waitMs` later. Always from the
 * store, in the tenant of the caller. Undefined when there is none that the caller may see.
 */
export class ReadIntent {
  readonly #reads: GatheredReads
  readonly #appended: AppendedSignal
  readonly #stopping: AbortSignal

  constructor(reads: GatheredReads, appended: AppendedSignal, stopping: AbortSignal) {
    this.#reads = reads
    this.#appended = appended
    this.#stopping = stopping
  }

  async handle({ tenantId, intentId, waitMs, mayRead }: ReadRequest): Promise<IntentView | undefined> {
    const ref = intentStream(tenantId, intentId)
    const until = performance.now() + waitMs
    for (;;) {
      // Asked for before the read, so that an append between the two is not missed.
      const pauseMs = Math.min(safetyMs, Math.max(1, until - performance.now()))
      const woken = this.#appended.next(pauseMs, this.#stopping)
      const loaded = await this.#reads.read(ref)
      const stream = loaded.of(ref)
      const view = intentView(stream, loaded.now)
      const [first] = stream.events
      if (view === undefined || first?.type !== 'ActionIntentPublished' || !mayRead(first.data)) return undefined
      if (!isUndecided(view) || performance.now() >= until || this.#stopping.aborted) return view
      await woken
    }
  }
}
