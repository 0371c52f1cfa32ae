import { specBrokers } from '@countersign/kafka/spec-brokers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newGroup, record, recordsOf, settled } from '../contract-bench.ts'
import { type KafkaBench, makeKafkaBench } from '../kafka-bench.fixture.ts'
import { partitionByKey } from './partitioner.ts'

describe('a group that began with the latest', () => {
  let bench: KafkaBench
  beforeAll(async () => {
    bench = await makeKafkaBench(specBrokers())
  })
  afterEach(() => bench.closeOpened())
  afterAll(() => bench.close())

  /** A group that has settled one record of a topic of one partition, and then stopped. */
  const begun = async () => {
    const [topic, group] = [await bench.makeTopic(1), newGroup()]
    const { bus } = await bench.open()
    await bus.publish(recordsOf(topic, 'k', ['long ago']))
    const got = await record(bus, topic, { group, from: 'latest' })
    await bus.publish(recordsOf(topic, 'k', ['first']))
    await got.until(({ values }) => values.includes('first'))
    await settled(bus, group)
    await got.subscription.stop()
    return { topic, group, bus }
  }

  it('gets everything of a partition that its topic got later', async () => {
    const { topic, group, bus } = await begun()
    await bench.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
    const producer = bench.kafka.producer({ createPartitioner: partitionByKey })
    await producer.connect()
    await producer.send({ topic, messages: [{ partition: 1, key: 'k', value: 'on the new one' }] })
    await producer.disconnect()
    const got = await record(bus, topic, { group, from: 'latest' })
    await got.count(1)
    await settled(bus, group)
    expect(got.values).toEqual(['on the new one'])
  })

  it('goes on with the oldest record there is when retention has taken its place away', async () => {
    const { topic, group, bus } = await begun()
    await bus.publish(recordsOf(topic, 'k', ['expired', 'kept', 'kept too']))
    await bench.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
    const got = await record(bus, topic, { group, from: 'latest' })
    await got.count(2)
    await settled(bus, group)
    expect(got.values).toEqual(['kept', 'kept too'])
  })
})
