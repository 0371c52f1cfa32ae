import { createRequire } from 'node:module'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { crc32c } from './crc32c.ts'
import { writeProducesQuickly } from './produce-patch.ts'
import { type ProduceData, type ProducedMessage, produceRequest } from './produce-request.ts'

const load = createRequire(import.meta.url)
type Make = (call: object) => { encode: () => Promise<{ readonly buffer: Buffer }> }
const kafkajsRequest: Make = load('kafkajs/src/protocol/requests/produce/v7/request.js')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_795_334_400_123 })
})
afterEach(() => {
  vi.useRealTimers()
})

const byKafkajs = async (data: ProduceData): Promise<Buffer> => (await kafkajsRequest(data).encode()).buffer
const inOneBatch = (messages: ProducedMessage[]): ProduceData => ({
  acks: -1,
  timeout: 30_000,
  topicData: [{ topic: 'countersign.events.v1', partitions: [{ partition: 3, messages }] }],
})

describe('the checksum', () => {
  // RFC 3720 appendix B.4.
  it.each([
    ['32 bytes of zero', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 bytes that increase', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['32 bytes that decrease', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
    ['the digits', Buffer.from('123456789'), 0xe3069283],
  ])('of %s is what the RFC says', (_what, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })
})

describe('a Produce request', () => {
  it('is what kafkajs writes, byte for byte', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 })
    const content = fc.oneof(
      fc.constant(null),
      text,
      fc.uint8Array({ maxLength: 3_000 }).map((own) => Buffer.from(own)),
    )
    const header = fc.oneof(
      text,
      fc.uint8Array({ maxLength: 100 }).map((own) => Buffer.from(own)),
    )
    const message = fc.record({ key: content, value: content, headers: fc.dictionary(text, header, { maxKeys: 6 }) })
    const partitions = fc.uniqueArray(
      fc.record({ partition: fc.nat(1_000), messages: fc.array(message, { minLength: 1, maxLength: 90 }) }),
      { minLength: 1, maxLength: 3, selector: ({ partition }) => partition },
    )
    const topicData = fc.array(fc.record({ topic: fc.stringMatching(/^[a-z.]{1,40}$/), partitions }), { maxLength: 2 })
    await fc.assert(
      fc.asyncProperty(fc.record({ acks: fc.constantFrom(-1, 1), timeout: fc.nat(), topicData }), async (data) => {
        expect(produceRequest(data, Date.now()).equals(await byKafkajs(data))).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('of a value of a megabyte and of sixteen thousand records is too', async () => {
    const large = inOneBatch([{ key: 'k', value: Buffer.alloc(1_048_576, 7), headers: {} }])
    expect(produceRequest(large, Date.now()).equals(await byKafkajs(large))).toBe(true)
    const many = inOneBatch(Array.from({ length: 16_400 }, (_, at) => ({ value: `${at}` })))
    expect(produceRequest(many, Date.now()).equals(await byKafkajs(many))).toBe(true)
  })
})

describe('kafkajs, once it was patched', () => {
  it('writes what it always wrote, also where it still writes itself', async () => {
    expect(writeProducesQuickly()).toBe(true)
    expect(writeProducesQuickly()).toBe(true)
    const { protocol } = load('kafkajs/src/protocol/requests/produce/index.js') as {
      protocol: (choice: { version: number }) => (call: object) => { request: Awaited<ReturnType<Make>> }
    }
    const headers = { one: 'a', several: ['b', 'c'] }
    const calls = [
      inOneBatch([{ key: 'k', value: 'v' }]),
      { ...inOneBatch([{ key: 'k', value: 'v' }]), producerId: -1, producerEpoch: 0, compression: 0 },
      { ...inOneBatch([{ key: 'k', value: 'v' }]), producerId: 7, producerEpoch: 2 },
      inOneBatch([{ key: 'k', value: 'v', headers: headers as unknown as Record<string, string> }]),
      inOneBatch([{ key: 'k', value: 'v', timestamp: 1_000 } as ProducedMessage]),
    ]
    for (const call of calls) {
      const { buffer } = await protocol({ version: 7 })(call).request.encode()
      expect(buffer.equals(await byKafkajs(call))).toBe(true)
    }
  })
})
