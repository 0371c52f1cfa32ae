import { createKafkaBus, createPostgresParkingLot } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { specBrokers } from '@countersign/kafka/spec-brokers'
import kafkajs from 'kafkajs'
import { until } from '../instance/until.ts'
import { relayFaults } from './relay.contract.ts'

/** As many as a deployment starts with, so that keys are spread. */
const partitions = 12

relayFaults('kafka', () => {
  const brokers = specBrokers()
  return {
    settings: { BUS: 'kafka', KAFKA_BROKERS: brokers.join(',') },
    open: async (pool) => {
      const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
      await admin.connect()
      await admin.createTopics({
        topics: [
          { topic: topics.events, numPartitions: partitions },
          { topic: topics.quarantine, numPartitions: 1 },
        ],
        waitForLeaders: true,
      })
      // The broker says that they have leaders before all of them do.
      await until(
        () =>
          admin.fetchTopicOffsets(topics.events).then(
            () => true,
            () => false,
          ),
        { what: 'the topic' },
      )
      await admin.disconnect()
      const bus = createKafkaBus({
        brokers,
        clientId: 'faults',
        parking: createPostgresParkingLot(pool),
        log: () => undefined,
        onDead: () => undefined,
      })
      return { bus, close: () => bus.close() }
    },
  }
})
