import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actionNameProblem, confusables, hasHiddenText, identifierProblem, visibleText } from './index.ts'

const HIDDEN: [string, string][] = [
  ['right-to-left override', '\u202e'],
  ['isolates', '\u2066'],
  ['Arabic letter mark', '\u061c'],
  ['zero width space', '\u200b'],
  ['zero width joiner', '\u200d'],
  ['word joiner', '\u2060'],
  ['byte order mark', '\ufeff'],
  ['soft hyphen', '\u00ad'],
  ['tag letter', '\u{e0041}'],
  ['variation selector', '\ufe0f'],
  ['variation selector supplement', '\u{e0100}'],
  ['Hangul filler', '\u3164'],
  ['halfwidth Hangul filler', '\uffa0'],
  ['Hangul choseong filler', '\u115f'],
  ['Braille blank', '\u2800'],
  ['combining grapheme joiner', '\u034f'],
  ['Khmer inherent vowel', '\u17b4'],
  ['Mongolian selector', '\u180b'],
  ['escape', '\u001b'],
  ['delete', '\u007f'],
  ['backspace', '\b'],
  ['lone carriage return', '\r'],
  ['line separator', '\u2028'],
  ['next line', '\u0085'],
  ['vertical tab', '\v'],
  ['form feed', '\f'],
  ['NUL', '\0'],
  ['private use', '\ue000'],
  ['lone surrogate', '\ud800'],
  ['noncharacter', '\ufffe'],
]
const codeOf = (char: string): string => (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')

describe('visibleText and hasHiddenText', () => {
  it.each(HIDDEN)('show a %s', (_, char) => {
    expect(visibleText(`a${char}b`, { lineBreaks: 'keep' })).toBe(`a⟨U+${codeOf(char)}⟩b`)
    expect(hasHiddenText(`a${char}b`)).toBe(true)
    expect(identifierProblem(`a${char}b`)).toBe('field_not_printable')
  })

  it.each(['\u00a0', '\u2007', '\u3000', '\u2009'])('show the space %j, which hides nothing', (space) => {
    expect(visibleText(`a${space}b`)).toBe(`a⟨U+${codeOf(space)}⟩b`)
    expect(hasHiddenText(`a${space}b`)).toBe(false)
    expect(identifierProblem(`a${space}b`)).toBe('field_not_printable')
  })

  it('leave visible text of any script as it is', () => {
    for (const text of [
      'Drop table `customers`',
      'Zürich, Ångström',
      'Удалить таблицу',
      '削除',
      'ลบตาราง',
      'e\u0301',
      '😀 ok',
      'חֲמִשָּׁה',
    ]) {
      expect(visibleText(text)).toBe(text)
      expect(hasHiddenText(text)).toBe(false)
    }
  })

  it('show terminal sequences instead of running them', () => {
    expect(visibleText('\u001b[2J\u001b]8;;x\u0007')).toBe('⟨U+001B⟩[2J⟨U+001B⟩]8;;x⟨U+0007⟩')
  })

  it('keep line feeds only on request', () => {
    expect(visibleText('a\r\nb\nc\rd')).toBe('a⟨U+000D⟩⟨U+000A⟩b⟨U+000A⟩c⟨U+000D⟩d')
    expect(visibleText('a\r\nb\nc\rd', { lineBreaks: 'keep' })).toBe('a\nb\nc⟨U+000D⟩d')
    expect(hasHiddenText('a\r\nb\n\tc')).toBe(false)
  })

  it('count the marks beyond four on one letter', () => {
    expect(visibleText(`a${'\u0301'.repeat(4)}b`)).toBe(`a${'\u0301'.repeat(4)}b`)
    expect(visibleText(`a${'\u0301'.repeat(200)}b`)).toBe(`a${'\u0301'.repeat(4)}⟨196 more marks⟩b`)
    expect(hasHiddenText(`a${'\u0301'.repeat(5)}`)).toBe(true)
  })

  it('cannot be imitated by the text itself', () => {
    expect(visibleText('⟨U+202E⟩')).not.toContain('⟨U+202E⟩')
    expect(visibleText('⟨U+202E⟩')).not.toBe(visibleText('\u202e'))
    expect(hasHiddenText('⟨12 more marks⟩')).toBe(false)
  })

  it('say how much a cut leaves out', () => {
    expect(visibleText(`${'x'.repeat(50)}payload`, { maxLength: 20 })).toBe(`${'x'.repeat(11)}⟨46 more⟩`)
    expect(visibleText('x'.repeat(20), { maxLength: 20 })).toBe('x'.repeat(20))
  })

  it('keep to the length, split nothing and leave no control character, whatever the text', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.constantFrom(...HIDDEN.map(([, char]) => char), '\u0301\u0301\u0301', '⟨'),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), fc.integer({ min: 12, max: 60 }), (parts, maxLength) => {
        const text = parts.join('')
        const shown = visibleText(text, { maxLength })
        expect(shown.length).toBeLessThanOrEqual(maxLength)
        expect(shown.isWellFormed()).toBe(true)
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(shown.split('⟨').length).toBe(shown.split('⟩').length)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('confusables', () => {
  it.each([
    ['рrod', 'prod'],
    ['\u0430pple.com', 'apple.com'],
    ['сор.com', 'cop.com'],
    ['data\u2024export', 'data.export'],
    ['prοd', 'prod'],
    ['ｐｒｏｄ', 'prod'],
    ['𝐩𝐫𝐨𝐝𝟏', 'prod1'],
    ['раура', 'paypa'],
    ['a\u2215b', 'a/b'],
  ])('mark what makes %j read as %j', (text, reading) => {
    const marks = confusables(text)
    let read = text
    for (const { index, char, looksLike } of marks.toReversed()) {
      expect(text.slice(index, index + char.length)).toBe(char)
      read = read.slice(0, index) + looksLike + read.slice(index + char.length)
    }
    expect(read).toBe(reading)
  })

  it.each(['prod', 'Zürich', 'Удалить таблицу prod', 'файл.txt', 'μ-service', 'λ handler', '削除 prod', 'café', ''])(
    'leave %j alone',
    (text) => expect(confusables(text)).toEqual([]),
  )
})

describe('identifierProblem', () => {
  it.each([
    ['prod', undefined],
    ['prod/eu-west-1/customers table', undefined],
    ['Zürich', undefined],
    ['arn:aws:iam::123456789012:role/Deploy', undefined],
    [`app@sha256:${'3f9a0c71d2e845b6'.repeat(4)}`, undefined],
    ['x'.repeat(512), undefined],
    ['', 'field_empty'],
    ['x'.repeat(513), 'field_too_long'],
    ['ä'.repeat(257), 'field_too_long'],
    [' prod', 'field_not_trimmed'],
    ['prod ', 'field_not_trimmed'],
    ['   ', 'field_not_trimmed'],
    ['a\nb', 'field_not_printable'],
    [`a${'\u0301'.repeat(9)}`, 'field_not_printable'],
    [`repo/ghp_${'a1B2'.repeat(9)}`, 'secret_in_field'],
    ['postgres://u:p4ss@db', 'secret_in_field'],
    ['card 4111 1111 1111 1111', 'secret_in_field'],
  ])('of %j is %s', (text, problem) => expect(identifierProblem(text)).toBe(problem))

  it('takes a smaller bound', () => expect(identifierProblem('abcd', { max: 3 })).toBe('field_too_long'))
})

describe('actionNameProblem', () => {
  it.each([
    ['database.table.drop', undefined],
    ['a.b-c_d.0', undefined],
    [`a.${'b'.repeat(126)}`, undefined],
    [`a.${'b'.repeat(127)}`, 'field_too_long'],
    ['', 'action_name_invalid'],
    ['drop', 'action_name_invalid'],
    ['Database.drop', 'action_name_invalid'],
    ['0a.b', 'action_name_invalid'],
    ['a..b', 'action_name_invalid'],
    ['a.b.', 'action_name_invalid'],
    ['a.*', 'action_name_invalid'],
    ['a.b\n', 'action_name_invalid'],
    ['data\u2024export', 'action_name_invalid'],
    ['../a.b', 'action_name_invalid'],
  ])('of %j is %s', (text, problem) => expect(actionNameProblem(text)).toBe(problem))
})
