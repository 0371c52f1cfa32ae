import kafkajs, { type KafkaConfig } from 'kafkajs'
import type { OpenSide } from '../side/side.ts'
import { hops } from './paths.ts'

export type ChainOptions = { readonly client: KafkaConfig; readonly group: string }

/** Reads a topic and writes every record to the next: raw kafkajs with own commits, the second and third hop of a bare chain. */
export const open: OpenSide<ChainOptions, never> = async ({ client, group }) => {
  const kafka = new kafkajs.Kafka({ ...client, logLevel: kafkajs.logLevel.ERROR })
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const carry = async (from: string, to: string) => {
    const consumer = kafka.consumer({
      groupId: `${group}.${from}`,
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: 4 << 20,
    })
    await consumer.connect()
    await consumer.subscribe({ topic: from, fromBeginning: false })
    const joined = new Promise((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, resolve)
    })
    let recordedAt = performance.now()
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const messages = batch.messages.map(({ key, value, headers }) => ({ key, value, headers: headers ?? {} }))
        await producer.send({ topic: to, messages, acks: -1 })
        if (performance.now() - recordedAt < 250) return
        recordedAt = performance.now()
        const offset = String(BigInt(batch.lastOffset()) + 1n)
        await consumer.commitOffsets([{ topic: from, partition: batch.partition, offset }])
      },
    })
    await joined
    return consumer
  }
  const [first, second, third] = hops
  const consumers = await Promise.all([carry(first, second), carry(second, third)])
  return {
    round: () => Promise.reject(new Error('a chain has no rounds of its own')),
    close: async () => {
      await Promise.all([producer, ...consumers].map((each) => each.disconnect()))
    },
  }
}
