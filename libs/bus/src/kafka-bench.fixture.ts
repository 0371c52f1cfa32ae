import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { freshDatabase, type FreshDatabase } from '@countersign/spec-kit/postgres'
import { topics } from '@countersign/contracts'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { Pool } from 'pg'
import type { BusHooks } from './bus.ts'
import type { BusBench, OpenBus } from './contract-bench.ts'
import { createKafkaBus, type KafkaBusOptions } from './kafka.ts'
import { openSocket, promptRetry } from './kafka/client.ts'
import { createPostgresParkingLot } from './kafka/postgres-parking-lot.ts'
import { migrateBus } from './postgres/migrate.ts'

/** Quick take-over and commits; a real deployment has longer ones. */
export const quickTiming = {
  sessionMs: 1_500,
  heartbeatMs: 200,
  rebalanceMs: 3_000,
  maxWaitMs: 50,
  commitMs: 20,
  pollMs: 50,
  leaveMs: 2_000,
  backoffMs: () => 5,
}

export interface KafkaBench extends BusBench {
  readonly database: FreshDatabase
  readonly admin: Admin
  readonly kafka: Kafka
  open(options?: BusHooks & Partial<KafkaBusOptions>): Promise<OpenBus & { readonly pool: Pool }>
  makeTopic(partitions?: number, settings?: Readonly<Record<string, string>>): Promise<string>
}

/** What a connection says while its database is dropped is no news. */
const poolOn = (connectionString: string): Pool => {
  const pool = new Pool({ connectionString, max: 4 })
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool.on('error', () => undefined)
}

const makeParkingDatabase = async (): Promise<FreshDatabase> => {
  const database = await freshDatabase()
  const client = await database.pool.connect()
  await migrateBus(client)
  client.release()
  return database
}

/** Connections of one process under test, which can be cut for good. */
const cuttable = () => {
  const sockets = new Set<Socket>()
  let isCut = false
  const open: NonNullable<KafkaBusOptions['openSocket']> = (address) => {
    const socket = openSocket(address)
    sockets.add(socket)
    if (isCut) socket.destroy(new Error('cut'))
    return socket
  }
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return { open, cut }
}

/** kafkajs's own wait for leaders ends with an error when the broker does not know the topic yet. */
const untilLed = async (admin: Admin, topic: string, partitions: number): Promise<void> => {
  const led = async () => (await admin.fetchTopicOffsets(topic)).length
  while ((await led().catch(() => 0)) < partitions) await new Promise((resolve) => setTimeout(resolve, 10))
}

export const makeKafkaBench = async (brokers: readonly string[]): Promise<KafkaBench> => {
  const database = await makeParkingDatabase()
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    retry: { ...promptRetry, retries: 10 },
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: topics.quarantine, numPartitions: 1 }], waitForLeaders: false })
  await untilLed(admin, topics.quarantine, 1)
  let closing: (() => Promise<void>)[] = []
  const closeOpened = async () => {
    const opened = closing
    closing = []
    await Promise.all(opened.map((close) => close()))
  }
  return {
    database,
    admin,
    kafka,
    open: async (options = {}) => {
      const pool = poolOn(database.url)
      const { open, cut } = cuttable()
      let isKilled = false
      const bus = createKafkaBus({
        brokers,
        clientId: 'spec',
        log: () => undefined,
        parking: createPostgresParkingLot(pool),
        onDead: () => undefined,
        openSocket: open,
        ...options,
        timing: { ...quickTiming, ...options.timing },
      })
      let ended: Promise<void> | undefined
      const end = () => (ended ??= pool.end())
      closing.push(async () => {
        // A killed one gives nothing back, so nobody waits for it.
        if (isKilled) void bus.close().catch(() => undefined)
        else await bus.close()
        await end()
      })
      const kill = () => {
        isKilled = true
        cut()
        void end()
      }
      return { bus, pool, kill }
    },
    makeTopic: async (partitions = 3, settings = {}) => {
      const topic = `topic-${randomUUID()}`
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: false })
      await untilLed(admin, topic, partitions)
      return topic
    },
    closeOpened,
    close: async () => {
      await closeOpened()
      await admin.disconnect()
      await database.drop()
    },
  }
}
