import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { startRunning } from '../../running.ts'
import type { Part } from '../command-line.ts'
import { figuresOf, interleaved, ratioOf } from '../compare.ts'
import { partitions } from '../kafka/bench-broker.ts'
import { sayStep } from '../report.ts'
import type { Scale } from '../scale.ts'
import { startSides } from '../side/side-process.ts'
import { measured, type TargetResult } from '../targets.ts'
import { measureCycles } from './cycles.ts'
import { measureIdle } from './idle.ts'
import { endInstance, type Instance, openInstance } from './instance.ts'
import { intentsTopic } from './intents-topic.ts'
import { measureLatencies } from './latencies.ts'
import { barePath, hops } from './paths.ts'
import { measureRestarts } from './restarts.ts'
import { openYardsticks } from './yardsticks.ts'
import { measureVariants } from './variants.ts'

/** What is measured on the product as it runs on Kafka: a process for each service, a secured broker, its own PostgreSQL. */
export const measureOnKafka = async (wanted: ReadonlySet<Part>, scale: Scale): Promise<readonly TargetResult[]> => {
  const results: TargetResult[] = []
  sayStep('the services on Kafka')
  const running = await startRunning({ bus: 'kafka' })
  try {
    const instance = await openInstance(running)
    try {
      await makeTopics(instance, scale.intentsOnKafka)
      if (wanted.has('T11-CPU') || wanted.has('T11-memory')) results.push(...(await measureIdle(instance, scale)))
      if (wanted.has('T8')) results.push(await measureLatencies(instance, barePath(running), scale))
      if (wanted.has('cycles')) results.push(await measureCycles(instance, scale))
      if (wanted.has('T6') || wanted.has('first')) results.push(...(await measureWholePath(instance, scale)))
      if (wanted.has('T7')) results.push(await measureVariants('T7', instance, scale))
      if (wanted.has('T9')) results.push(await measureVariants('T9', instance, scale))
      // Last: the processes that were watched until then are others afterwards.
      if (wanted.has('restart') || wanted.has('failover')) results.push(...(await measureRestarts(instance, scale)))
    } finally {
      await instance.line.close()
    }
  } finally {
    await endInstance(running)
  }
  return results
}

/** The topics of the yardsticks, one of them with the intents of a round in it. */
const makeTopics = async ({ client, running }: Instance, intents: number): Promise<void> => {
  const kafka = new kafkajs.Kafka({ ...client, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const names = [intentsTopic, ...hops]
  await admin.createTopics({
    topics: names.map((topic) => ({ topic, numPartitions: partitions })),
    waitForLeaders: true,
  })
  await admin.disconnect()
  const { message } = barePath(running)
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = Array.from({ length: intents }, () => message(randomUUID()))
  for (let at = 0; at < intents; at += 500) {
    await producer.send({ topic: intentsTopic, messages: messages.slice(at, at + 500), acks: -1 })
  }
  await producer.disconnect()
}

/** T6 and the first version: the whole path beside what writes the same rows and decides nothing, and beside what saves only the intent. */
const measureWholePath = async (instance: Instance, { rounds, intentsOnKafka }: Scale): Promise<TargetResult[]> => {
  const { running, client } = instance
  await instance.wholePath(intentsOnKafka)
  const yardsticks = await openYardsticks(instance, intentsOnKafka)
  const sides = await startSides({
    'first-version': {
      client,
      databaseUrl: running.credentials.store.superuserUrl,
      poolSize: yardsticks.poolSize,
    },
  })
  try {
    const done = await interleaved(rounds, {
      whole: () => instance.wholePath(intentsOnKafka),
      rows: () => yardsticks.sameRows(),
      first: () => sides['first-version'].round({ group: `bench-${randomUUID()}`, records: intentsOnKafka }),
    })
    const ours = figuresOf('intents on Kafka, decided, in the ledger and projected', done.whole)
    return [
      measured('T6', {
        ours,
        yardstick: figuresOf(`kafkajs, and ${yardsticks.rowsPerIntent} rows an intent by unnest`, done.rows),
        ratio: ratioOf(done.whole, done.rows, 'perSecond'),
      }),
      measured('first', {
        ours,
        yardstick: figuresOf('Nest ServerKafka, @EventPattern, repository.save', done.first),
        ratio: ratioOf(done.whole, done.first, 'perSecond'),
      }),
    ]
  } finally {
    await sides.closeAll()
    await yardsticks.close()
  }
}
