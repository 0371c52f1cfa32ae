import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

const attempts = 60

/**
 * Waits until every session of our roles is gone, at most 3 s: a pool says that it has ended before its connections have, and
 * stopping the server under them would look like a fault.
 */
export const sessionsEnded = async (superuserUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { rowCount } = await client.query(`select from pg_stat_activity where usename like 'countersign\\_%'`)
      if (rowCount === 0) return
      await delay(50)
    }
  } finally {
    await client.end()
  }
}
