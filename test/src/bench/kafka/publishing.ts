import { figuresOf, interleaved, ratioOf } from '../compare.ts'
import { startSides } from '../side/side-process.ts'
import { measured, type Measured } from '../targets.ts'
import { type BenchBroker, partitions } from './bench-broker.ts'

export type PublishingScale = { readonly rounds: number; readonly secondsPerRound: number }

const callers = 256

/** T3: 256 callers that each publish a record and wait until it is acknowledged by all replicas. */
export const measurePublishing = async (
  { admin, brokers }: BenchBroker,
  { rounds, secondsPerRound: seconds }: PublishingScale,
): Promise<Measured[]> => {
  const topic = 'bench.published'
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
  const options = { brokers, topic, callers }
  const sides = await startSides({ 'bus-sender': options, 'direct-sender': options })
  const { 'bus-sender': bus, 'direct-sender': direct } = sides
  try {
    const done = await interleaved(rounds, {
      bus: () => bus.round({ seconds }),
      direct: () => direct.round({ seconds }),
    })
    return [
      measured('T3', {
        ours: figuresOf(`bus.publish, ${callers} callers, one record each`, done.bus),
        yardstick: figuresOf(`kafkajs send, ${callers} callers, one record each`, done.direct),
        ratio: ratioOf(done.bus, done.direct, 'perSecond'),
      }),
    ]
  } finally {
    await sides.closeAll()
  }
}
