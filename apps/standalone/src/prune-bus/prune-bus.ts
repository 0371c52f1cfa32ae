import { createPostgresBus } from '@countersign/bus'
import pg from 'pg'

const everyMs = 3_600_000
const keepMs = 7 * 24 * 3_600_000

/**
 * Deletes bus records that are older than seven days and that every consumer has passed, once an hour. The bus only carries:
 * the events themselves stay in the store.
 */
export const pruneBus = (ownerUrl: string): { stop: () => Promise<void> } => {
  let running: Promise<void> = Promise.resolve()
  const prune = async (): Promise<void> => {
    const pool = new pg.Pool({ connectionString: ownerUrl, max: 3 })
    pool.on('error', () => undefined)
    const bus = createPostgresBus({ pool, log: () => undefined })
    try {
      await bus.prune(new Date(Date.now() - keepMs))
    } finally {
      await bus.close()
      await pool.end()
    }
  }
  const timer = setInterval(() => {
    // What could not be pruned now is pruned an hour later.
    running = prune().catch(() => undefined)
  }, everyMs)
  timer.unref()
  return {
    stop: () => {
      clearInterval(timer)
      return running
    },
  }
}
