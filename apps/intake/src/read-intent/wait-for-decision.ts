import type { IntentView } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import { intentStream } from '../open-intent.ts'
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

/**
 * The intent as it stands, or once it is decided, at most `waitMs` later. Always read from the store, in the tenant of the
 * caller. Undefined when there is none.
 */
export const readIntent = async (
  { store, appended }: { store: EventStore; appended: AppendedSignal },
  { tenantId, intentId, waitMs, signal }: { tenantId: string; intentId: string; waitMs: number; signal: AbortSignal },
): Promise<{ view: IntentView; producer: string } | undefined> => {
  const ref = intentStream(tenantId, intentId)
  const until = performance.now() + waitMs
  for (;;) {
    // Asked for before the read, so that an append between the two is not missed.
    const woken = appended.next(Math.min(safetyMs, Math.max(1, until - performance.now())), signal)
    const loaded = await store.load([ref])
    const stream = loaded.of(ref)
    const view = intentView(stream, loaded.now)
    const [first] = stream.events
    if (view === undefined || first?.type !== 'ActionIntentPublished') return undefined
    if (!isUndecided(view) || performance.now() >= until || signal.aborted)
      return { view, producer: first.data.producer }
    await woken
  }
}
