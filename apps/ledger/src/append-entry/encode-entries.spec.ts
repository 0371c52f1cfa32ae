import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeEntries, type EntryRow } from './encode-entries.ts'

const row = (change: Partial<EntryRow> = {}): EntryRow => ({
  logId: randomUUID(),
  index: 2 ** 40 + 7,
  eventId: randomUUID(),
  kind: 'intent',
  streamId: randomUUID(),
  version: 3,
  leafHash: randomBytes(32),
  leaf: Buffer.from('{"v":1}'),
  ...change,
})

describe('encoded entries', () => {
  it('hold each field behind its length, in the order of the columns', () => {
    const given = row()
    const bytes = encodeEntries([given])
    const hex = (text: string): string => text.replaceAll('-', '')
    const expected = [
      '0008',
      `00000010${hex(given.logId)}`,
      '000000080000010000000007',
      `00000010${hex(given.eventId)}`,
      `00000006${Buffer.from('intent').toString('hex')}`,
      `00000010${hex(given.streamId)}`,
      '000000080000000000000003',
      `00000020${Buffer.from(given.leafHash).toString('hex')}`,
      `00000007${Buffer.from(given.leaf).toString('hex')}`,
      'ffff',
    ].join('')
    expect(bytes.toString('hex').slice(2 * 19)).toBe(expected)
  })

  it.each([
    '',
    randomUUID().slice(1),
    `${randomUUID()}0`,
    randomUUID().replaceAll('-', ''),
    `g${randomUUID().slice(1)}`,
  ])('have no id that is not a UUID: %j', (eventId) =>
    expect(() => encodeEntries([row({ eventId })])).toThrow('not a UUID'),
  )
})
