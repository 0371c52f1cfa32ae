/**
 * A consumer as a SIEM has it, knowing nothing of Countersign: it reads its settings from the environment, writes each
 * record as a JSON line and commits after each batch of one. Started as a process of its own, so that it can be killed.
 */
import { readFileSync } from 'node:fs'
import kafkajs from 'kafkajs'

const { BROKER = '', GROUP = '', TOPIC = '', USERNAME = '', PASSWORD = '', CA = '', CERT, KEY } = process.env
const ca = [readFileSync(CA)]
const kafka = new kafkajs.Kafka({
  brokers: [BROKER],
  logLevel: kafkajs.logLevel.NOTHING,
  ...(CERT === undefined || KEY === undefined
    ? { ssl: { ca }, sasl: { mechanism: 'scram-sha-512', username: USERNAME, password: PASSWORD } }
    : { ssl: { ca, cert: readFileSync(CERT), key: readFileSync(KEY) } }),
})
const consumer = kafka.consumer({ groupId: GROUP, sessionTimeout: 6_000 })
await consumer.connect()
await consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ topic, partition, message }) => {
    const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, of]) => [name, String(of)]))
    const line = { key: String(message.key), value: String(message.value), headers }
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, resolve))
    await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
  },
})
