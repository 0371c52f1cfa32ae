import { specBrokers } from '@countersign/kafka/spec-brokers'
import { busContract } from './bus.contract.ts'
import { makeKafkaBench } from './kafka-bench.fixture.ts'

busContract('kafka', () => makeKafkaBench(specBrokers()))
busContract('kafka, every batch delivered twice', async () => {
  const bench = await makeKafkaBench(specBrokers())
  return { ...bench, open: (hooks) => bench.open({ redeliver: () => 2, ...hooks }) }
})
