import kafkajs from 'kafkajs'
import pg from 'pg'
import { round } from '../measure.ts'
import { poolSize } from '../opened-store.ts'
import type { Round } from '../side/side.ts'
import type { Instance } from './instance.ts'
import { rawRowsRound } from './raw-rows.ts'
import { markWrites, rowsSince } from './table-rows.ts'

/** Takes down what the product writes for so many intents, and what writes the same without the product. */
export const openYardsticks = async (instance: Instance, intents: number) => {
  const { running, client } = instance
  const pool = new pg.Pool({ connectionString: running.credentials.store.superuserUrl, max: poolSize })
  pool.on('error', () => undefined)
  const kafka = new kafkajs.Kafka({ ...client, logLevel: kafkajs.logLevel.ERROR })
  const mark = await markWrites(pool)
  await instance.wholePath(intents)
  const tables = await rowsSince(pool, mark)
  const sameRows = async (): Promise<Round> => {
    const before = await instance.serverCpuMs()
    const cost = await rawRowsRound({ kafka, pool }, tables, intents)
    const after = await instance.serverCpuMs()
    return before === undefined || after === undefined ? cost : { ...cost, serverCpuMs: after - before }
  }
  return {
    poolSize,
    rowsPerIntent: round(tables.reduce((sum, { count }) => sum + count, 0) / intents, 1),
    sameRows,
    close: () => pool.end(),
  }
}
