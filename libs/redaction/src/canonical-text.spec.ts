import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, canonicalText } from './index.ts'
import { isCanonical } from './is-canonical.ts'

/** What the slow way makes of a text: its canonical form, or that there is none. */
const slowly = (text: string): string => {
  try {
    return canonicalJson(JSON.parse(text))
  } catch {
    return 'none'
  }
}
const quickly = (text: string): string => {
  try {
    return canonicalText(text)
  } catch (error) {
    expect((error as Error).message).toMatch(/^(text is not JSON|value has no canonical JSON form)$/)
    return 'none'
  }
}

/** As PostgreSQL wrote jsonb, in which events were kept: shorter names first, and a space behind each comma and colon. */
const stored = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(stored).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${stored(member)}`).join(', ')}}`
}

const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', '!', '"', '\\', '\u007f', 'ü', '\u20ac', '\ufb33', '😀', '\n') }),
  fc.constantFrom('__proto__', 'toJSON', '0', '10', '9', '', 'a', 'a ', 'a!', 'b\u0001', '\ud800'),
)
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null), name),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('tree')), { maxLength: 8 }).map((members) => {
      const object = {}
      for (const [key, value] of members)
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true })
      return object
    }),
  ),
}))

describe('the canonical form of a text is that of its value', () => {
  it('however the text was written', () => {
    const writers = [
      stored,
      (value: unknown) => JSON.stringify(value),
      (value: unknown) => JSON.stringify(value, null, 2),
    ]
    fc.assert(
      fc.property(tree, fc.constantFrom(...writers), (value, write) => {
        const text = write(value)
        expect(quickly(text)).toBe(slowly(text))
      }),
      { numRuns: 1_500 },
    )
  })

  it('also where the text is broken, which is never taken for JSON', () => {
    const damage = fc.record({
      at: fc.nat(),
      length: fc.constantFrom(0, 1, 2),
      instead: fc.constantFrom(
        '',
        '"',
        '\\',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '-',
        '0',
        '1',
        'e',
        '.',
        ' ',
        'u',
        't',
        '\u0000',
      ),
    })
    fc.assert(
      fc.property(tree, fc.array(damage, { minLength: 1, maxLength: 3 }), (value, damages) => {
        let text = stored(value)
        for (const { at, length, instead } of damages) {
          const place = at % (text.length + 1)
          text = text.slice(0, place) + instead + text.slice(place + length)
        }
        expect(quickly(text)).toBe(slowly(text))
      }),
      { numRuns: 1_500 },
    )
  })

  it.each([
    '{"a": 1, "a": 2}',
    '{"b": 1, "a": 2, "b": 3}',
    '{"a": -0, "b": 1.0, "c": 1e2, "d": 01, "e": 1}',
    '[-0, 0, 1.50, 1E30, 12345678901234567890, 0.1, -5, 1e400]',
    '["\\u0041", "\\/", "\\u000A", "\\u001f", "\\u0008", "\\n", "\\ud83d\\ude00", "é"]',
    '["\\ud800"]',
    '["\ud800"]',
    '["a\nb"]',
    '"\\',
    '"\\u00',
    ' {"b": [ ] , "a": { } } ',
    '{"a": tru}',
    '[1,]',
    '[1 2]',
    '{"a" 1}',
    '{"a": 1}}',
    '',
    '1',
    '12',
    'null',
    '"x"',
  ])('in a form of its own: %j', (text) => expect(quickly(text)).toBe(slowly(text)))

  it('whatever its size', () => {
    for (const size of [63, 64, 65, 3_000, 70_000]) {
      const texts = [
        '['.repeat(size) + ']'.repeat(size),
        `{${Array.from({ length: size }, (_, at) => `"${size - at}": ${at}`).join(', ')}}`,
        stored({ b: 'x'.repeat(size), a: ['ü'.repeat(size)] }),
      ]
      for (const text of texts) expect(quickly(text)).toBe(slowly(text))
    }
  })
})

describe('a text that is canonical', () => {
  it('is its own canonical form, and no other text is', () => {
    const writers = [stored, (value: unknown) => JSON.stringify(value), canonicalJson]
    const written = fc
      .tuple(tree, fc.constantFrom(...writers))
      .filter(([value]) => slowly(JSON.stringify(value)) !== 'none')
    fc.assert(
      fc.property(written, ([value, write]) => {
        const text = write(value)
        if (isCanonical(text)) expect(text).toBe(slowly(text))
      }),
      { numRuns: 1_500 },
    )
  })

  it('needs no parsing as events are appended', () => {
    const data = {
      subjects: [{ id: 'a', n: 12 }],
      a: 'tab\t"quoted" ü 😀',
      nested: { list: [true, null, 1.5, -3, 1e30], empty: {}, é: 1, '\ufb33': 2 },
      z: [],
    }
    expect(isCanonical(canonicalJson(data))).toBe(true)
    expect(isCanonical(JSON.stringify(data))).toBe(false)
  })
})
