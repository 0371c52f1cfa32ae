import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takenFrom } from '../delivered.ts'
import { batchBytes, recordBytes } from './batch-bytes.fixture.ts'
import { Allowance, readBatches } from './record-batch.ts'

/** What a key or header says by the runtime's own decoder; undefined when no driver could carry it. */
const textBy = (bytes: Buffer): string | undefined => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

const unusual = ['__proto__', '', 'constructor', 'ü', '\u{1f600}', '\ufeff', '\0', 'a'.repeat(97), 'é'.repeat(60)]
const anyBytes = fc.oneof(
  fc.constantFrom('content-type', 'content-typf', 'kid', ...unusual).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
)
const anyHeader = fc.tuple(anyBytes, fc.option(anyBytes))
const anyRecord = fc.record({ key: fc.option(anyBytes), headers: fc.array(anyHeader, { maxLength: 20 }) })

const taken = async (records: readonly Parameters<typeof recordBytes>[0][]) => {
  const body = Buffer.concat(records.map((record) => recordBytes(record)))
  const bytes = batchBytes({ firstOffset: 0, lastDelta: records.length - 1, records: records.length, body })
  return (await readBatches(bytes, new Allowance())).map((message) => takenFrom('t', 0, message))
}

describe('keys and headers of records', () => {
  it('are read as the texts that they are, whatever the records before them had, or are none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 6 }), async (records) => {
        const read = await taken(records.map((record, delta) => ({ ...record, delta })))
        for (const [at, { key, headers }] of records.entries()) {
          const texts = headers.map(([name, value]) => [textBy(name), value === null ? '' : textBy(value)] as const)
          const isText = texts.every(([name, value]) => name !== undefined && value !== undefined)
          expect(read[at]?.record).toMatchObject({
            key: key === null ? null : (textBy(key) ?? null),
            headers: isText ? Object.fromEntries(texts) : {},
          })
          const unfitKey = key !== null && textBy(key) === undefined
          expect(read[at]?.unfit).toBe(unfitKey ? 'key_not_text' : isText ? undefined : 'header_not_text')
        }
      }),
    )
  })

  it('are those of their own record when it has the same names in another order, or longer ones', async () => {
    const header = (name: string, value: string) => [Buffer.from(name), Buffer.from(value)] as const
    const read = await taken([
      { delta: 0, headers: [header('kid', '1'), header('content-type', 'a')] },
      { delta: 1, headers: [header('content-type', 'b'), header('kid', '2')] },
      { delta: 2, headers: [header('kids', '3'), header('ki', '4')] },
    ])
    expect(read.map(({ record }) => record.headers)).toEqual([
      { kid: '1', 'content-type': 'a' },
      { 'content-type': 'b', kid: '2' },
      { kids: '3', ki: '4' },
    ])
  })

  it('are none when a byte is the letter of a name before, but no UTF-8', async () => {
    const read = await taken([
      { delta: 0, headers: [[Buffer.from('ü'), null]] },
      { delta: 1, headers: [[Buffer.from('ü', 'latin1'), null]] },
    ])
    expect(read.map(({ unfit }) => unfit)).toEqual([undefined, 'header_not_text'])
  })
})
