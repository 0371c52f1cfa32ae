import kafkajs from 'kafkajs'
import { callersFor, type OpenSide } from '../side/side.ts'
import { madeRecords, type SenderOptions, type SenderRound } from './sender-side.ts'

/** kafkajs as its documentation writes it: each caller awaits `send` with its message. */
export const open: OpenSide<SenderOptions, SenderRound> = async ({ brokers, topic, callers }) => {
  const kafka = new kafkajs.Kafka({ clientId: 'direct', brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR })
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const next = await madeRecords(topic)
  const send = () => {
    const { key, value, headers } = next()
    return producer.send({ topic, messages: [{ key, value, headers }], acks: -1 })
  }
  return {
    round: ({ seconds }) => callersFor(callers, seconds * 1_000, send),
    close: () => producer.disconnect(),
  }
}
