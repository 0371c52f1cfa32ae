import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { figuresOf, interleaved, ratioOf } from '../compare.ts'
import { startSides } from '../side/side-process.ts'
import { measured, type Measured } from '../targets.ts'
import { type BenchBroker, partitions } from './bench-broker.ts'
import type { ConsumerRound } from './consumer-side.ts'
import { intentRecords } from './record-of-intent.ts'
import { stockTopic } from './stock-consumer.module.ts'

export type TransportScale = { readonly rounds: number; readonly records: number }

/** Puts the records into the topic that every consumer reads from its beginning. */
const fill = async ({ kafka, admin }: BenchBroker, topic: string, records: number): Promise<void> => {
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
  const next = await intentRecords(topic)
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  for (let left = records; left > 0; left -= 500) {
    const messages = Array.from({ length: Math.min(500, left) }, () => {
      const { key, value, headers } = next()
      return { key, value, headers }
    })
    await producer.send({ topic, messages, acks: -1 })
  }
  await producer.disconnect()
}

/**
 * T1 and T2: the same records of one topic read by the product's transport, by raw kafkajs and by Nest's own Kafka
 * server, each in a process of its own and from the beginning in each round. For T1 both sides check each MAC and parse
 * each value. Nest's server has no place for a check before it parses, so for T2 neither side has one.
 */
export const measureTransport = async (
  broker: BenchBroker,
  { rounds, records }: TransportScale,
): Promise<Measured[]> => {
  await fill(broker, stockTopic, records)
  const options = { brokers: broker.brokers, parkingUrl: broker.parkingUrl }
  const sides = await startSides({ 'transport-consumer': options, 'raw-consumer': options, 'stock-consumer': options })
  const { 'transport-consumer': transport, 'raw-consumer': raw, 'stock-consumer': stock } = sides
  const round = (withMac: boolean): ConsumerRound => ({
    topic: stockTopic,
    group: `bench-${randomUUID()}`,
    records,
    withMac,
  })
  try {
    const done = await interleaved(rounds, {
      transport: () => transport.round(round(true)),
      raw: () => raw.round(round(true)),
      unchecked: () => transport.round(round(false)),
      stock: () => stock.round(round(false)),
    })
    return [
      measured('T1', {
        ours: figuresOf('bus transport on Kafka, MAC checked, parsed', done.transport),
        yardstick: figuresOf('kafkajs eachBatch, MAC checked, parsed', done.raw),
        ratio: ratioOf(done.transport, done.raw, 'perCpuSecond'),
      }),
      measured('T2', {
        ours: figuresOf('bus transport on Kafka, parsed', done.unchecked),
        yardstick: figuresOf('Nest ServerKafka, @EventPattern', done.stock),
        ratio: ratioOf(done.unchecked, done.stock, 'perSecond'),
      }),
    ]
  } finally {
    await sides.closeAll()
  }
}
