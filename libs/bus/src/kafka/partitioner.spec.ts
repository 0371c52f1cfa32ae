import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { murmur2, partitionByKey } from './partitioner.ts'

const ofKafkajs: (key: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/producer/partitioners/default/murmur2.js',
)
const metadata = [0, 1, 2].map((partitionId) => ({ partitionId, leader: 1 })) as never

it('hashes keys as Java and kafkajs do', () => {
  // From Kafka's own UtilsTest.
  expect(murmur2(Buffer.from('21'))).toBe(-973932308)
  expect(murmur2(Buffer.from('a-little-bit-long-string'))).toBe(-985981536)
  for (let length = 0; length < 200; length += 1) {
    const key = randomBytes(length)
    expect(murmur2(key)).toBe(ofKafkajs(key))
  }
})

it('takes no noticeable time for a key of a megabyte', () => {
  const partition = partitionByKey()({
    topic: 't',
    partitionMetadata: metadata,
    message: { key: 'k'.repeat(1e6), value: '' },
  })
  expect([0, 1, 2]).toContain(partition)
})

it('spreads records without key over the partitions', () => {
  const partition = partitionByKey()
  const message = { key: null, value: '' }
  const taken = [1, 2, 3].map(() => partition({ topic: 't', partitionMetadata: metadata, message }))
  expect(new Set(taken)).toEqual(new Set([0, 1, 2]))
})
