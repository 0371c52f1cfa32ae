import type { Pool } from 'pg'
import { startWorkLoop, type WorkLoop } from '../work-loop.ts'
import { type AppendedBatch, type AppendOptions, LedgerAppender, MAX_BATCH } from './append-batch.ts'

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
/**
 * How long the next batch waits for company. Nobody waits for the log, and whatever gathers meanwhile shares one commit, one
 * checkpoint and one batch for the SIEM: at twenty intents a second a batch every 15 ms cost more than deciding them, and
 * while many come, half a second makes two fifths of the batches that 200 ms do. What is left behind a full batch has waited.
 */
export const spacingAfter = (events: number): number => {
  if (events >= MAX_BATCH) return 0
  return events >= BUSY_BATCH ? 500 : 200
}
/** A hundred events a second. */
const BUSY_BATCH = 20

/**
 * Takes events into the logs as they come. Batches are natural: what has gathered while the last one was committed is
 * the next one, so a lone event waits for nothing and many share a commit. Several of these may run; they take turns.
 */
export const sequenceEvents = ({ pool, onAppended, onSuccess, onFailure, ...options }: SequencerOptions): WorkLoop => {
  const appender = new LedgerAppender(pool, options)
  let events = 0
  return startWorkLoop({
    work: async () => {
      const batch = await appender.append()
      events = batch.events
      if (batch.entries > 0) onAppended(batch)
      return events > 0
    },
    onSuccess,
    onFailure,
    idleMs: IDLE_MS,
    longestIdleMs: LONGEST_IDLE_MS,
    spacingMs: () => spacingAfter(events),
  })
}
