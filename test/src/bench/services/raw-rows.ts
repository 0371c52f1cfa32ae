import { randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import type pg from 'pg'
import { cpuMsNow } from '../measure.ts'
import type { Round } from '../side/side.ts'
import { intentsTopic } from './intents-topic.ts'
import { emptyTables, insertShare, type TableRows } from './table-rows.ts'

/**
 * The yardstick of the whole path: raw kafkajs reads as many intents, and all the rows that the product wrote for them go
 * into tables with the same indexes by `unnest`, a durable transaction for each batch that was read. It decides nothing.
 */
export const rawRowsRound = async (
  { kafka, pool }: { readonly kafka: Kafka; readonly pool: pg.Pool },
  tables: readonly TableRows[],
  intents: number,
): Promise<Round> => {
  await emptyTables(pool, tables)
  const consumer = kafka.consumer({
    groupId: `bench-${randomUUID()}`,
    maxWaitTimeInMs: 500,
    maxBytesPerPartition: 4 << 20,
  })
  await consumer.connect()
  await consumer.subscribe({ topic: intentsTopic, fromBeginning: true })
  const done = Promise.withResolvers<Round>()
  let [taken, written] = [0, 0]
  let began: { readonly wallMs: number; readonly cpuMs: number } | undefined
  const write = async (count: number): Promise<void> => {
    const [first, end] = [taken, taken + count]
    taken = end
    const client = await pool.connect()
    try {
      await client.query('begin')
      await insertShare(client, tables, first / intents, end / intents)
      await client.query('commit')
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
    written += count
  }
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 4,
    eachBatch: async (payload) => {
      began ??= { wallMs: performance.now(), cpuMs: cpuMsNow() }
      const { messages } = payload.batch
      try {
        for (let at = 0; at < messages.length; at += batchRecords) {
          const slice = messages.slice(at, at + batchRecords)
          for (const { value } of slice) JSON.parse(String(value))
          await write(slice.length)
          await payload.heartbeat()
        }
      } catch (error) {
        done.reject(error)
      }
      if (written < intents) return
      done.resolve({ count: intents, wallMs: performance.now() - began.wallMs, cpuMs: cpuMsNow() - began.cpuMs })
    },
  })
  try {
    return await done.promise
  } finally {
    await consumer.disconnect()
  }
}

/** Records of a transaction: as many as the product's bus delivers at most. */
const batchRecords = 500
