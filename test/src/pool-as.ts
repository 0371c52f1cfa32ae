import pg from 'pg'
import type { Running } from './running.ts'

/** Connections that are a service's role, as the database sees it; the caller ends them. */
export const poolAs = (running: Running, role: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: running.credentials.store.superuserUrl, max: 2 })
  pool.on('connect', (client) => void client.query(`set session authorization ${role}`))
  return pool
}
