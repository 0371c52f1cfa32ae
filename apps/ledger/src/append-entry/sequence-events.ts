import type { Pool } from 'pg'
import { startWorkLoop, type WorkLoop } from '../work-loop.ts'
import { type AppendedBatch, type AppendOptions, LedgerAppender } from './append-batch.ts'

export interface SequencerOptions extends AppendOptions {
  readonly pool: Pool
  /** Called after each commit that appended something. */
  readonly onAppended: (batch: AppendedBatch) => void
  readonly onSuccess: () => void
  readonly onFailure: (error: unknown) => void
}

// A wake-up that was lost costs no more than this, the longer when nothing happened for a while.
const IDLE_MS = 1_000
const LONGEST_IDLE_MS = 4_000
// Nobody waits for the log, and whatever gathers meanwhile shares one commit: at twenty intents a second a batch every 15 ms
// cost more than deciding them.
const SPACING_MS = 200

/**
 * Takes events into the logs as they come. Batches are natural: what has gathered while the last one was committed is
 * the next one, so a lone event waits for nothing and many share a commit. Several of these may run; they take turns.
 */
export const sequenceEvents = ({ pool, onAppended, onSuccess, onFailure, ...options }: SequencerOptions): WorkLoop => {
  const appender = new LedgerAppender(pool, options)
  return startWorkLoop({
    work: async () => {
      const batch = await appender.append()
      if (batch.entries > 0) onAppended(batch)
      return batch.events > 0
    },
    onSuccess,
    onFailure,
    idleMs: IDLE_MS,
    longestIdleMs: LONGEST_IDLE_MS,
    spacingMs: SPACING_MS,
  })
}
