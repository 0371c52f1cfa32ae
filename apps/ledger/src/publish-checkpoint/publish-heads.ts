import type { Pool } from 'pg'
import { startWorkLoop, type WorkLoop } from '../work-loop.ts'
import {
  allLogs,
  type Publication,
  publishCheckpoint,
  type PublishOptions,
  unpublishedLogs,
} from './publish-checkpoint.ts'

export interface PublisherOptions extends PublishOptions {
  readonly pool: Pool
  /** Told of every checkpoint and every refusal. */
  readonly onOutcome: (outcome: Exclude<Publication, { status: 'unchanged' }>) => Promise<void> | void
  readonly onSuccess: () => void
  readonly onFailure: (error: unknown) => void
}

/** A head is signed at most this often. */
const SPACING_MS = 250
const IDLE_MS = 1_000
const LONGEST_IDLE_MS = 4_000
const AT_ONCE = 8

/** Publishes heads as they move; the first round holds every log against its mark, moved or not. */
export const publishHeads = ({ pool, key, mark, onOutcome, onSuccess, onFailure }: PublisherOptions): WorkLoop => {
  let isFirst = true
  return startWorkLoop({
    work: async () => {
      const logIds = await (isFirst ? allLogs(pool) : unpublishedLogs(pool))
      for (let at = 0; at < logIds.length; at += AT_ONCE) {
        const some = logIds.slice(at, at + AT_ONCE)
        const outcomes = await Promise.all(some.map((logId) => publishCheckpoint(pool, logId, { key, mark })))
        for (const outcome of outcomes) if (outcome.status !== 'unchanged') await onOutcome(outcome)
      }
      isFirst = false
      return false
    },
    onSuccess,
    onFailure,
    idleMs: IDLE_MS,
    longestIdleMs: LONGEST_IDLE_MS,
    spacingMs: () => SPACING_MS,
  })
}
