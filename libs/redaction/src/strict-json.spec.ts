import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_JSON_LIMITS, type JsonLimits, parseStrictJson } from './index.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const parse = (text: string, limits?: Partial<JsonLimits>) => parseStrictJson(bytes(text), limits)
const codeOf = (text: string, limits?: Partial<JsonLimits>): string | undefined => {
  const result = parse(text, limits)
  return result.ok ? undefined : result.code
}
const refusal = (code: string, pointer?: string) =>
  pointer === undefined ? { ok: false, code } : { ok: false, code, pointer }
const keys = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`
const nested = (depth: number): string => '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1)

describe('shape of the body', () => {
  it.each([
    '',
    ' ',
    '\n',
    '{',
    '{}{}',
    '{} x',
    '{"a":1,}',
    '{,}',
    '{"a" 1}',
    '{"a":}',
    '{a:1}',
    "{'a':1}",
    '{"a":[1,]}',
  ])('refuses what is no JSON: %j', (text) => expect(codeOf(text)).toBe('invalid_json'))

  it.each([
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '0x1',
    'True',
    'nul',
    '١٢',
    '"a\tb"',
    '"\\x41"',
    '"\\u12g4"',
    '"\\',
  ])('refuses the value %j', (value) => expect(codeOf(`{"a":${value}}`)).toBe('invalid_json'))

  it.each(['{/*c*/"a":1}', '{"a":1}//c', '{"a":1}#', '{"a":1]', '[1}', '{"a":[1}}'])('refuses %j', (text) =>
    expect(parse(text).ok).toBe(false),
  )

  it.each(['null', '[]', '"x"', '1', '-1', 'true', 'false', ' [{"a":1}]'])('refuses the root %j', (text) =>
    expect(parse(text)).toEqual(refusal('root_not_object')),
  )

  it('refuses a good body cut at any byte', () => {
    const body = bytes('{"action":"db.drop","parameters":{"n":[1.5,-2e3,true,null],"s":"ä\\u00e9😀\\n"}} ')
    expect(parseStrictJson(body).ok).toBe(true)
    for (let length = 0; length < body.length - 1; length += 1) {
      expect(parseStrictJson(body.subarray(0, length)).ok).toBe(false)
    }
  })

  it('accepts what the grammar allows around values', () => {
    expect(parse(' {\r\n\t"a" : [ ] , "b":{ }, "c":[{},[1 , 2]] }\n')).toEqual({
      ok: true,
      value: { a: [], b: {}, c: [{}, [1, 2]] },
    })
  })

  it('keeps keys apart that differ only in case, normalisation or a space', () => {
    expect(parse('{"a":1,"A":2,"a ":3,"\u00e9":4,"e\u0301":5}')).toMatchObject({ ok: true, value: { 'a ': 3 } })
  })
})

describe('bytes', () => {
  it('refuses byte order marks and UTF-16', () => {
    expect(parseStrictJson(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toEqual(refusal('bom_not_allowed'))
    expect(parseStrictJson(Buffer.from('\ufeff{}', 'utf16le'))).toEqual(refusal('bom_not_allowed'))
    expect(parseStrictJson(Buffer.from([0xfe, 0xff, 0, 0x7b, 0, 0x7d]))).toEqual(refusal('bom_not_allowed'))
    expect(parseStrictJson(Buffer.from('{}', 'utf16le'))).toMatchObject({ ok: false, code: 'invalid_json' })
  })

  it.each([
    ['a stray byte', [0xff]],
    ['a lone continuation byte', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL', [0xc0, 0x80]],
    ['a CESU-8 surrogate pair', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses %s', (_, inside) => {
    const body = Buffer.concat([bytes('{"a":"'), Uint8Array.from(inside), bytes('"}')])
    expect(parseStrictJson(body)).toEqual(refusal('invalid_utf8'))
  })

  it('reads a view into a larger buffer, not the buffer', () => {
    expect(parseStrictJson(bytes('xx{"a":1}xx').subarray(2, 9))).toEqual({ ok: true, value: { a: 1 } })
  })
})

describe('what two readers could understand differently', () => {
  it.each([
    ['{"action":"read","action":"drop"}', 'duplicate_key', '/action'],
    ['{"a":[0,{"b":1,"c":2,"\\u0062":3}]}', 'duplicate_key', '/a/1/b'],
    ['{"a/b":{"~":1,"~":2}}', 'duplicate_key', '/a~1b/~0'],
    ['{"a":"\\ud800"}', 'lone_surrogate', '/a'],
    ['{"a":"\\udc00\\ud800"}', 'lone_surrogate', '/a'],
    ['{"a":"\\ud800\\u0041"}', 'lone_surrogate', '/a'],
    ['{"\\ud800":1}', 'lone_surrogate', ''],
    ['{"a":{"b":["x\\u0000"]}}', 'nul_character', '/a/b/0'],
    ['{"a":"\u0000"}', 'nul_character', '/a'],
    ['{"a\\u0000":1}', 'nul_character', ''],
  ])('refuses %j', (text, code, pointer) => expect(parse(text)).toEqual(refusal(code, pointer)))

  it.each(['__proto__', 'constructor', 'prototype', '\\u005f_proto__'])('refuses the key %s at any depth', (key) => {
    expect(codeOf(`{"${key}":{}}`)).toBe('forbidden_key')
    expect(codeOf(`${'{"a":['.repeat(5)}{"${key}":1}${']}'.repeat(5)}`)).toBe('forbidden_key')
  })

  it.each(['toString', 'hasOwnProperty', 'then', 'proto'])('keeps the key %s as plain content', (key) =>
    expect(parse(`{"${key}":"x"}`)).toEqual({ ok: true, value: { [key]: 'x' } }),
  )

  it.each(['-0', '-0.0', '-0e5'])('refuses %s', (number) =>
    expect(parse(`{"a":${number}}`)).toEqual(refusal('negative_zero', '/a')),
  )

  it.each([
    '1e400',
    '-1e309',
    '9007199254740993',
    '1.0000000000000001',
    '1e-400',
    '-1e-400',
    '9'.repeat(400),
    '333333333.33333329',
    '1e99999999999999999999',
  ])('refuses the number %s, which a double cannot keep', (number) =>
    expect(parse(`{"a":[${number}]}`)).toEqual(refusal('number_not_exact', '/a/0')),
  )

  it.each([
    '0',
    '0.1',
    '-0.1',
    '1.0',
    '1',
    '1e2',
    '1E+2',
    '100e-2',
    '0.0',
    '0e999999',
    '9007199254740991',
    '9007199254740992',
    '1e23',
    '5e-324',
    '1.7976931348623157e308',
    '123456789012345',
    '1000000000000000000000000',
    '0.000001',
    '1e-7',
  ])('accepts the number %s, whose value stays', (number) =>
    expect(parse(`{"a":${number}}`)).toEqual({ ok: true, value: { a: Number(number) } }),
  )
})

describe('limits', () => {
  it.each<[string, (count: number) => string, number, string]>([
    ['depth', nested, 32, 'depth_exceeded'],
    ['keys in all', keys, 1_000, 'too_many_keys'],
    ['key length', (count) => `{"${'ä'.repeat(count)}":1}`, 128, 'key_too_long'],
    ['array length', (count) => `{"a":[${Array(count).fill('0').join()}]}`, 1_000, 'array_too_long'],
    ['string bytes', (count) => `{"a":"${'x'.repeat(count)}"}`, 8_192, 'string_too_long'],
    ['body bytes', (count) => `{}${' '.repeat(count - 2)}`, 65_536, 'body_too_large'],
  ])('accepts the largest %s and refuses one more', (_, body, bound, code) => {
    expect(parse(body(bound)).ok).toBe(true)
    expect(codeOf(body(bound + 1))).toBe(code)
  })

  it('counts keys over all objects', () => {
    expect(codeOf('{"a":[{"b":1},{"b":1}]}', { keys: 3 })).toBeUndefined()
    expect(codeOf('{"a":[{"b":1},{"b":1}]}', { keys: 2 })).toBe('too_many_keys')
  })

  it('counts decoded UTF-8 bytes of strings, however they are written', () => {
    for (const text of ['é😀', '\\u00e9\\ud83d\\ude00', 'é\\ud83d\\ude00']) {
      expect(codeOf(`{"a":"${text}"}`, { stringBytes: 6 })).toBeUndefined()
      expect(codeOf(`{"a":"${text}"}`, { stringBytes: 5 })).toBe('string_too_long')
    }
  })

  it('allows longer strings only at and under a named pointer', () => {
    const limits = { stringBytes: 3, stringBytesUnder: { '/parameters': 5 } }
    expect(codeOf('{"parameters":{"a":["12345"]}}', limits)).toBeUndefined()
    expect(parse('{"parameters":{"a":["123456"]}}', limits)).toEqual(refusal('string_too_long', '/parameters/a/0'))
    expect(parse('{"parametersX":"1234"}', limits)).toEqual(refusal('string_too_long', '/parametersX'))
  })

  it('falls back to the default for a bound that is no number', () => {
    expect(codeOf(nested(33), { depth: Number.NaN })).toBe('depth_exceeded')
    expect(DEFAULT_JSON_LIMITS.bodyBytes).toBe(65_536)
  })

  it('refuses bodies a million deep, wide or repeated without a stall or an overflow', () => {
    const wide = { bodyBytes: 1e9 }
    expect(codeOf('{"a":'.repeat(1e6))).toBe('body_too_large')
    expect(codeOf('{"a":'.repeat(1e6), wide)).toBe('depth_exceeded')
    expect(codeOf(`{"a":${'['.repeat(1e6)}`, { ...wide, depth: 1e9 })).toBe('invalid_json')
    expect(codeOf(keys(1e6), wide)).toBe('too_many_keys')
    expect(codeOf(`{"a":[${'0,'.repeat(1e6)}0]}`, wide)).toBe('array_too_long')
    expect(codeOf(`{"a":${'9'.repeat(1e6)}}`, wide)).toBe('number_not_exact')
    expect(codeOf(`{"a":"${'\\u0041'.repeat(2e5)}"}`, wide)).toBe('string_too_long')
  })

  it('never puts a secret key into a pointer', () => {
    const secret = `ghp_${'a1B2'.repeat(9)}`
    expect(parse(`{"${secret}":-0}`)).toEqual(refusal('negative_zero', '/[REDACTED:github_token]'))
  })
})

const plainKey = fc.string({ maxLength: 20 }).filter((key) => !/__proto__|constructor|prototype|\0/.test(key))
const plainText = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .filter((text) => text.isWellFormed() && !text.includes('\0'))
const leaf = fc.oneof(
  plainText,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)
const { root } = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 6 }), tie('root')),
  root: fc.dictionary(plainKey, tie('any'), { maxKeys: 8, noNullPrototype: true }),
}))

describe('properties', () => {
  it('reads back everything allowed that JSON.stringify writes', () => {
    fc.assert(
      fc.property(root, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) })
      }),
      { numRuns: 1_000 },
    )
  })

  it('never throws on a changed body and never reads it other than JSON.parse does', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(3), fc.oneof(fc.nat(255), fc.constantFrom(...bytes('{}[]",:\\u0eE-+.'))))
    fc.assert(
      fc.property(root, fc.array(edit, { minLength: 1, maxLength: 4 }), (value, edits) => {
        let body = bytes(JSON.stringify(value))
        for (const [place, kind, byte] of edits) {
          const at = place % (body.length + 1)
          const insert = kind === 0 ? [] : [byte]
          body = Buffer.concat([
            body.subarray(0, at),
            Uint8Array.from(insert),
            body.subarray(at + (kind === 1 ? 0 : 1)),
          ])
        }
        const result = parseStrictJson(body)
        if (result.ok) {
          const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
          expect(result.value).toEqual(JSON.parse(text))
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('accepts a number exactly when its decimal value is the printed one', () => {
    const number = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 25n }), fc.integer({ min: -30, max: 30 }))
    const scaled = (text: string): bigint => {
      const [mantissa = '', power = '0'] = text.split('e')
      const [whole = '', fraction = ''] = mantissa.split('.')
      return BigInt(whole + fraction) * 10n ** BigInt(100 + Number(power) - fraction.length)
    }
    fc.assert(
      fc.property(number, ([digits, power]) => {
        const text = `${digits}e${power}`
        const exact = scaled(text) === scaled(String(Number(text)))
        expect(parse(`{"a":${text}}`).ok).toBe(exact)
      }),
      { numRuns: 2_000 },
    )
  })
})
