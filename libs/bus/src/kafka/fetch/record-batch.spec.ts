import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takenFrom } from '../delivered.ts'
import { batchBytes, recordBytes } from './batch-bytes.fixture.ts'
import { Allowance, readBatches } from './record-batch.ts'

const read = (bytes: Buffer) => readBatches(bytes, new Allowance())
const bodyOf = (count: number, content = 'v') =>
  Buffer.concat(Array.from({ length: count }, (_, delta) => recordBytes({ delta, value: Buffer.from(content) })))
const plain = (firstOffset: number, count: number) =>
  batchBytes({ firstOffset, lastDelta: count - 1, records: count, body: bodyOf(count) })
const offsets = (messages: readonly { readonly offset: string }[]) => messages.map(({ offset }) => offset)

describe('reading record batches', () => {
  it('reads the batches of a partition one after the other, and leaves a cut one for the next fetch', async () => {
    const cut = plain(5, 3)
    const messages = await read(Buffer.concat([plain(0, 2), plain(2, 3), cut.subarray(0, cut.length - 1)]))
    expect(offsets(messages)).toEqual(['0', '1', '2', '3', '4'])
  })

  it('reads more records in one batch than a call has room for arguments', async () => {
    expect(await read(plain(0, 150_000))).toHaveLength(150_000)
  })

  it('says where a batch ends whose last records were compacted away, all of them too', async () => {
    const body = recordBytes({ delta: 1, value: Buffer.from('kept') })
    const [kept, end] = await read(batchBytes({ firstOffset: 10, lastDelta: 4, records: 1, body }))
    expect([kept?.offset, kept?.isGap, end?.offset, end?.isGap]).toEqual(['11', false, '14', true])
    const [empty] = await read(batchBytes({ firstOffset: 10, lastDelta: 4, records: 0, body: Buffer.alloc(0) }))
    expect([empty?.offset, empty?.isGap]).toEqual(['14', true])
  })

  it.each([
    ['a codec that nobody knows', { attributes: 5, body: bodyOf(3) }],
    ['Snappy that is none', { attributes: 2, body: bodyOf(3) }],
    ['LZ4 that is none', { attributes: 3, body: bodyOf(3) }],
    ['Zstandard that is none', { attributes: 4, body: bodyOf(3) }],
    ['gzip that is cut off', { attributes: 1, body: gzipSync(bodyOf(3)).subarray(0, 20) }],
    ['gzip that unpacks to more than 16 MiB', { attributes: 1, body: gzipSync(Buffer.alloc((16 << 20) + 1)) }],
    ['Zstandard that does', { attributes: 4, body: zstdCompressSync(Buffer.alloc((16 << 20) + 1)) }],
    ['records that are cut off', { body: bodyOf(3).subarray(0, 20) }],
    ['fewer records than it says', { records: 4, body: bodyOf(3) }],
    ['more than 200,000 records', { records: 200_001, body: bodyOf(3) }],
    [
      'offsets that go back',
      { records: 2, body: Buffer.concat([recordBytes({ delta: 1 }), recordBytes({ delta: 0 })]) },
    ],
    ['an offset behind its end', { records: 1, body: recordBytes({ delta: 3 }) }],
    ['a negative number of records', { records: -1, body: bodyOf(3) }],
  ])('has one message stand for a batch with %s, and goes on behind it', async (_, parts) => {
    const bad = batchBytes({ firstOffset: 0, lastDelta: 2, records: 3, ...parts })
    const [stand, next] = await read(Buffer.concat([bad, plain(3, 1)]))
    expect(stand).toMatchObject({ offset: '2', unreadable: 'batch_unreadable', value: bad, key: null })
    expect(takenFrom('t', 0, stand as never).unfit).toBe('batch_unreadable')
    expect(next).toMatchObject({ offset: '3', unreadable: undefined })
  })

  it('has one message stand for a batch of another format', async () => {
    const [stand] = await read(batchBytes({ firstOffset: 7, lastDelta: 0, records: 1, body: bodyOf(1), magic: 1 }))
    expect(stand).toMatchObject({ offset: '7', unreadable: 'batch_format_unknown' })
  })

  it('leaves the rest of a response that unpacks to too much for the next one', async () => {
    const body = gzipSync(recordBytes({ delta: 0, value: Buffer.alloc(15 << 20) }))
    const packed = (firstOffset: number) => batchBytes({ firstOffset, lastDelta: 0, records: 1, body, attributes: 1 })
    const allowance = new Allowance()
    const first = await readBatches(Buffer.concat([0, 1, 2, 3, 4, 5, 6, 7].map(packed)), allowance)
    expect(offsets(first)).toEqual(['0', '1', '2', '3', '4'])
    expect(await readBatches(packed(0), allowance)).toEqual([])
  })

  it.each([
    ['name', [[Buffer.from([0xff]), Buffer.from('v')]]],
    ['value', [[Buffer.from('n'), Buffer.from([0xc3])]]],
    ['name with a zero', [[Buffer.from('n\0'), Buffer.from('v')]]],
  ] as const)('finds a header unfit whose %s is no text', async (_, headers) => {
    const body = recordBytes({ delta: 0, headers })
    const [message] = await read(batchBytes({ firstOffset: 0, lastDelta: 0, records: 1, body }))
    expect(takenFrom('t', 0, message as never).unfit).toBe('header_not_text')
  })

  it('takes the last of several headers of a name, in linear time', async () => {
    const headers = Array.from({ length: 100_000 }, (_, nth) => [Buffer.from('h'), Buffer.from(String(nth))] as const)
    const body = recordBytes({ delta: 0, headers: [...headers, [Buffer.from('none'), null]] })
    const [message] = await read(batchBytes({ firstOffset: 0, lastDelta: 0, records: 1, body }))
    expect(takenFrom('t', 0, message as never).record.headers).toEqual({ h: '99999', none: '' })
  })

  it('ends at the last offset of a batch, whatever its bytes are', async () => {
    const anyBatch = fc.record({
      attributes: fc.integer({ min: 0, max: 127 }),
      records: fc.integer({ min: -2, max: 20 }),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 0, max: 20 }).map((count) => bodyOf(count)),
      ),
    })
    await fc.assert(
      fc.asyncProperty(anyBatch, async (parts) => {
        const messages = await read(batchBytes({ firstOffset: 100, lastDelta: 30, ...parts }))
        expect(messages.at(-1)?.offset).toBe('130')
        for (const message of messages) takenFrom('t', 0, message)
      }),
    )
  })
})
