import { createRequire } from 'node:module'
import { createKafkaBus } from '../kafka.ts'
import { quickTiming } from '../kafka-bench.fixture.ts'
import { readFetchesSafely } from './fetch/fetch-patch.ts'

/** How kafkajs dies in a child process: inside its own code, where a driver can catch nothing. */
const deaths = {
  /** A bug in it throws what it takes for the end of the consumer. */
  'by a TypeError': () => Promise.reject(new TypeError('undefined is not a function')),
  /** A promise of it never settles: no event, no line, no heartbeat. */
  'without a word': () => new Promise<never>(() => undefined),
} as const

export type Death = keyof typeof deaths

const [, , broker = '', topic = '', death = ''] = process.argv

/** A service in small: its supervisor learns of a dead consumer by its end. */
const run = async (die: () => Promise<never>): Promise<void> => {
  readFetchesSafely()
  const ConsumerGroup = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup.js')
  const bus = createKafkaBus({
    brokers: [broker],
    clientId: 'child',
    log: () => undefined,
    parking: {
      claim: async () => new Set(),
      park: async () => false,
      topicsToRedrive: async () => [],
      nextRedrive: async () => [],
      settleRedrive: async () => undefined,
      requestRedrive: async () => 0,
      list: async () => [],
      count: async () => new Map(),
    },
    onDead: (reason) => {
      process.stdout.write(`dead: ${reason.message}\n`)
      process.exit(3)
    },
    timing: { ...quickTiming, silenceMs: 8_000 },
  })
  await bus.subscribe({
    group: `group of ${topic}`,
    topics: [topic],
    handle: async () => {
      process.stdout.write('handled\n')
      ConsumerGroup.prototype.fetch = die
      return 'done'
    },
  })
}

if (death in deaths) await run(deaths[death as Death])
