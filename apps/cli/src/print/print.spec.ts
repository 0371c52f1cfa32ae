import { describe, expect, it } from 'vitest'
import { fit, table, widthOf } from './table.ts'
import { count, durationMs, plain, plural, shortDigest, span } from './words.ts'

describe('words', () => {
  it('says spans as people do', () => {
    expect([3.4, 999, 1_900, 125_000].map(span)).toEqual(['3 ms', '999 ms', '1.9 s', '2 min 05 s'])
  })

  it('separates thousands and counts things', () => {
    expect([count(12_400), plural(1, 'card'), plural(2_900, 'record')]).toEqual(['12,400', '1 card', '2,900 records'])
  })

  it('shortens digests and leaves other text alone', () => {
    expect(shortDigest(`sha256:${'7be2c0d1'.repeat(8)}`)).toBe('sha256:7be2c0d1…')
    expect(shortDigest('no digest')).toBe('no digest')
  })

  it('shows what would command a terminal instead of obeying it', () => {
    expect(plain('a\u001b[31mred\nline\u202e')).toBe('a\\u001b[31mred\\u000aline\\u202e')
  })

  it('reads durations and nothing else', () => {
    expect(['90s', '15m', '4h', '1d', '500ms'].map(durationMs)).toEqual([90_000, 900_000, 14_400_000, 86_400_000, 500])
    expect(['', '5', 's', '-1s', '1.5h', '1w'].map(durationMs)).toEqual(Array(6).fill(undefined))
  })
})

describe('a table', () => {
  it('aligns columns by what is seen, colours not counted', () => {
    const rows = [
      ['\u001b[31mdeny\u001b[39m', '11'],
      ['allow', '2,248'],
    ]
    const lines = table([{ title: 'effect' }, { title: 'n', align: 'right' }], rows)
    expect(lines.map((line) => widthOf(line))).toEqual([13, 13, 13])
    expect(lines[2]).toBe('allow   2,248')
  })

  it('cuts what is too wide and says so', () => {
    expect([fit('customers', 20), fit('customers', 5)]).toEqual(['customers', 'cust…'])
  })
})
