import { newId } from '@countersign/event-store'
import { startWorkLoop, type WorkLoop } from '../work-loop.ts'
import { type FedBatch, feedBatch, type FeedOptions } from './feed-batch.ts'
import { releaseLease, takeLease } from './feed-lease.ts'
import { IntentContexts } from './intent-contexts.ts'

export interface FeederOptions extends Omit<FeedOptions, 'contexts' | 'holder'> {
  /** Told of each batch, empty ones included. */
  readonly onBatch: (batch: FedBatch) => void
  readonly onSuccess: () => void
  readonly onFailure: (error: unknown) => void
}

// Another instance may have published the checkpoint, and the lease has to be prolonged.
const IDLE_MS = 1_000
const FIRST_LOG = '00000000-0000-0000-0000-000000000000'

/**
 * Feeds the SIEM topic until every published entry is there, then waits to be woken. Several of these may run: one holds
 * the lease and feeds, the others wait for it.
 */
export const feedSiem = ({ onBatch, onSuccess, onFailure, ...options }: FeederOptions): WorkLoop => {
  const { pool } = options
  const holder = newId()
  const contexts = new IntentContexts(pool)
  let isHeld = false
  let after = FIRST_LOG
  const loop = startWorkLoop({
    work: async () => {
      const isMine = isHeld || (await takeLease(pool, holder))
      // Whatever fails from here on, the lease is asked for again.
      isHeld = false
      if (!isMine) return false
      const batch = await feedBatch({ ...options, contexts, holder }, after)
      isHeld = batch.isHeld && batch.records > 0
      after = [...batch.logs.keys()].at(-1) ?? after
      onBatch(batch)
      return isHeld
    },
    onSuccess,
    onFailure,
    idleMs: IDLE_MS,
  })
  return {
    ...loop,
    stop: async () => {
      await loop.stop()
      // A lease that cannot be given back runs out.
      await releaseLease(pool, holder).catch(() => undefined)
    },
  }
}
