import { checkOut, readGated, withTenants } from '@countersign/event-store'
import type pg from 'pg'
import { tenantsOf } from '../activate-policy-set/seed-policy-sets.ts'
import { deadlinesOf, moveProgress, readProgress, writeDeadlines } from './deadlines.ts'

const pageSize = 500

/**
 * Brings the table of deadlines up to date from the store's own events, one page; answers whether there may be more. The
 * place and what was read up to it are committed together, so a page is counted once, whoever reads it.
 */
export const followDeadlines = async (pool: pg.Pool): Promise<boolean> => {
  const tenantIds = await tenantsOf(pool)
  if (tenantIds.length === 0) return false
  const from = await readProgress(pool)
  const events = await withTenants(pool, tenantIds, (tx) => readGated(tx, { after: from, limit: pageSize }))
  const last = events.at(-1)
  if (last === undefined) return false
  // Events of a tenant that was registered meanwhile were invisible, and the place must not move past them.
  if ((await tenantsOf(pool)).length !== tenantIds.length) return true
  const isMoved = await inTransaction(pool, async (tx) => {
    if (!(await moveProgress(tx, from, last))) return false
    await writeDeadlines(tx, deadlinesOf(events))
    return true
  })
  return !isMoved || events.length === pageSize
}

const inTransaction = async <T>(pool: pg.Pool, work: (tx: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await checkOut(pool)
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // A connection in an unknown state is not given back.
    client.release(true)
    throw error
  }
}
