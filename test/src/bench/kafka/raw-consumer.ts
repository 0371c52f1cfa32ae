import { verifyRecordMac } from '@countersign/redaction'
import kafkajs from 'kafkajs'
import { Meter, type OpenSide } from '../side/side.ts'
import type { ConsumerOptions, ConsumerRound } from './consumer-side.ts'
import { benchKey } from './record-of-intent.ts'

/** kafkajs used as well as it can be: whole batches, 4 MiB fetches, offsets recorded every quarter of a second. */
export const open: OpenSide<ConsumerOptions, ConsumerRound> = async ({ brokers }) => {
  const kafka = new kafkajs.Kafka({ clientId: 'raw', brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR })
  return {
    round: async ({ topic, group, records, withMac }) => {
      const meter = new Meter(records)
      const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 500, maxBytesPerPartition: 4 << 20 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      let recordedAt = performance.now()
      await consumer.run({
        autoCommit: false,
        eachBatch: async (payload) => {
          const { batch } = payload
          for (const { key, value, headers } of batch.messages) {
            if (value === null || key === null) throw new Error('a record has a key and a value')
            const record = { topic: batch.topic, key: key.toString(), value }
            const mac = String(headers?.['countersign-mac'])
            if (withMac && !verifyRecordMac(benchKey.secret, record, mac)) throw new Error('a MAC is wrong')
            JSON.parse(value.toString())
          }
          if (performance.now() - recordedAt > 250) {
            const offset = String(BigInt(batch.lastOffset()) + 1n)
            await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }])
            recordedAt = performance.now()
          }
          meter.done(batch.messages.length)
          await payload.heartbeat()
        },
      })
      const round = await meter.round
      await consumer.disconnect()
      return round
    },
    close: async () => undefined,
  }
}
