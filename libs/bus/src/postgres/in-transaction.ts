import type { Pool, PoolClient } from 'pg'

/** Runs `work` in a transaction of its own; a connection that cannot even roll back is thrown away. */
export const inTransaction = async <Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> => {
  const client = await pool.connect()
  let isBroken = false
  // A connection that breaks between two statements has nobody else to tell; unheard, it would end the process.
  const broken = (): void => {
    isBroken = true
  }
  client.on('error', broken)
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      isBroken = true
    })
    throw error
  } finally {
    client.removeListener('error', broken)
    client.release(isBroken)
  }
}
