import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stopIdleSpin } from '@countersign/bus'
import { type SecuredBroker, startBroker } from '@countersign/kafka'
import kafkajs, { type Admin, type Kafka, type KafkaMessage } from 'kafkajs'
import type { Bus } from './bus.ts'

const producers = ['etl', 'replay']

/** A secured broker of one instance alone, as `npm run kafka` runs it, in a folder of the test's. */
export type TestKafka = Bus & {
  /** What `npm run services` is told to find it. */
  readonly environment: Readonly<Record<string, string>>
  /** A client as one of the principals; it rides out an outage of a minute. */
  as(principal: string): Kafka
  /** SIGKILL; `start` brings it back on its data. */
  kill(): Promise<void>
  /** Every record of a topic, oldest first in each partition. */
  records(topic: string): Promise<readonly KafkaMessage[]>
  /** Ends the broker for good. */
  close(): Promise<void>
}

const endsOf = async (admin: Admin, topic: string): Promise<number> =>
  (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)

const ours = (name: string): boolean => name.startsWith('countersign.')

/**
 * Starts a broker on four ports from `firstPort` on. `whileHalted` runs something while the instance is not there: a group
 * cannot be moved while it has members.
 */
export const startTestKafka = async (
  folder: string,
  firstPort: number,
  whileHalted: (run: () => Promise<void>) => Promise<void>,
): Promise<TestKafka> => {
  stopIdleSpin()
  await mkdir(folder, { recursive: true })
  const ports = { scram: firstPort, tls: firstPort + 1, mtls: firstPort + 2, controller: firstPort + 3 }
  const start = (): Promise<SecuredBroker> => startBroker({ dataDir: folder, producers, ports, log: () => undefined })
  let broker: SecuredBroker | undefined = await start()
  const { secretsFile } = broker
  const { passwords } = JSON.parse(await readFile(secretsFile, 'utf8')) as { passwords: Record<string, string> }
  const brokers = [`127.0.0.1:${ports.scram}`]
  const as = (principal: string): Kafka =>
    new kafkajs.Kafka({
      brokers,
      sasl: { mechanism: 'scram-sha-512', username: principal, password: passwords[principal] ?? '' },
      retry: { retries: 60, initialRetryTime: 100, maxRetryTime: 1_000 },
      logLevel: kafkajs.logLevel.NOTHING,
    })
  const client = (): Kafka => as('admin')
  const asAdmin = async <Result>(ask: (admin: Admin) => Promise<Result>): Promise<Result> => {
    const admin = client().admin({ retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000 } })
    await admin.connect()
    try {
      return await ask(admin)
    } finally {
      await admin.disconnect()
    }
  }
  const progress = (admin: Admin) =>
    admin
      .listGroups()
      .then(({ groups }) =>
        Promise.all(
          groups
            .filter(({ groupId }) => ours(groupId))
            .map(async ({ groupId }) => ({ groupId, topics: await admin.fetchOffsets({ groupId }) })),
        ),
      )
  const read = async (names: string[]): Promise<readonly KafkaMessage[]> => {
    const ends = await asAdmin((admin) => Promise.all(names.map((name) => endsOf(admin, name))))
    return readAll(
      client(),
      names,
      ends.reduce((sum, end) => sum + end, 0),
    )
  }
  const stop = async (): Promise<void> => {
    await broker?.stop()
    broker = undefined
  }
  return {
    as,
    environment: { KAFKA_BROKERS: brokers.join(','), KAFKA_SECRETS_FILE: secretsFile },
    stop,
    start: async () => {
      broker ??= await start()
    },
    behind: () =>
      asAdmin(async (admin) => {
        let records = 0
        for (const { topics } of await progress(admin)) {
          for (const { topic, partitions } of topics) {
            const taken = partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
            records += (await endsOf(admin, topic)) - taken
          }
        }
        return records
      }),
    // A group that is not there begins where its topics do. kafkajs can set offsets too, but takes three seconds a topic.
    rewind: () =>
      whileHalted(() =>
        asAdmin(async (admin) => {
          const { groups } = await admin.listGroups()
          await admin.deleteGroups(groups.map(({ groupId }) => groupId).filter(ours))
        }),
      ),
    count: (topic) => asAdmin((admin) => endsOf(admin, topic)),
    holding: async (text) => {
      const names = await asAdmin(async (admin) => (await admin.listTopics()).filter(ours))
      const records = await read(names)
      return records.filter(({ value }) => value?.includes(text) === true).length
    },
    kill: async () => {
      await broker?.kill()
      broker = undefined
    },
    records: (topic) => read([topic]),
    close: stop,
  }
}

/** Reads all `total` records of the topics. */
const readAll = async (kafka: Kafka, names: string[], total: number): Promise<readonly KafkaMessage[]> => {
  const records: KafkaMessage[] = []
  if (total === 0) return records
  const consumer = kafka.consumer({ groupId: `test.${randomUUID()}`, sessionTimeout: 10_000 })
  const done = Promise.withResolvers<void>()
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: names, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        records.push(...batch.messages)
        if (records.length >= total) done.resolve()
      },
    })
    await done.promise
    return records
  } finally {
    await consumer.disconnect()
  }
}

/** Where a broker's data is kept below the folder of a test. */
export const kafkaFolder = (root: string): string => join(root, 'kafka')
