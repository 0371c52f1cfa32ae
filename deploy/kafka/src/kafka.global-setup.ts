import type { TestProject } from 'vitest/node'
import { startTestBroker } from './test-broker.ts'

/**
 * Vitest global setup: one broker for the whole run, in a folder that goes with it. With `KAFKA_BROKERS` (comma
 * separated, plaintext, allowed to create topics) the run uses those and starts none.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const external = process.env.KAFKA_BROKERS
  if (external) {
    project.provide('kafkaBrokers', external.split(','))
    return async () => undefined
  }
  const broker = await startTestBroker()
  project.provide('kafkaBrokers', broker.brokers)
  return () => broker.stop()
}
