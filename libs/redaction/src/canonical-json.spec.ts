import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, sha256 } from './index.ts'

function double(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE()
}

describe('RFC 8785', () => {
  // Appendix B.
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('prints the double %s as %s', (bits, text) => expect(canonicalJson(double(bits))).toBe(text))

  it('prints literals, numbers and escapes as in §3.2.2', () => {
    const input = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`
    expect(canonicalJson(JSON.parse(input))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  it('orders keys by UTF-16 code units as in §3.2.3', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6']
    const text = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))
    expect(Object.keys(JSON.parse(text.replaceAll('"1"', '"one"')))).toEqual([
      '\r',
      'one',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\ud83d\ude00',
      '\ufb33',
    ])
  })

  describe('is what the full algorithm writes', () => {
    /** What the algorithm answers: a text, or that there is none. */
    const written = (write: () => string | undefined): string => {
      try {
        return write() ?? 'none'
      } catch {
        return 'none'
      }
    }
    const expectSame = (value: unknown): void => {
      expect(written(() => canonicalJson(value))).toBe(written(() => canonicalize(value)))
    }
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '__proto__',
        'toJSON',
        'constructor',
        '0',
        '10',
        '9',
        '4294967295',
        '-1',
        '01',
        '\ud800',
        '\\ud800',
      ),
    )

    it('of any JSON value, whatever its names and texts', () => {
      const { tree } = fc.letrec((tie) => ({
        tree: fc.oneof(
          { maxDepth: 4 },
          fc.oneof(fc.double(), fc.integer(), fc.boolean(), fc.constant(null), name),
          fc.array(tie('tree'), { maxLength: 4 }),
          fc.array(fc.tuple(name, tie('tree')), { maxLength: 6 }).map((members) => {
            const object = {}
            for (const [key, value] of members)
              Object.defineProperty(object, key, { value, enumerable: true, configurable: true })
            return object
          }),
        ),
      }))
      fc.assert(fc.property(tree, expectSame), { numRuns: 2_000 })
    })

    it('of any value at all', () => {
      const anything = fc.anything({
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withSparseArray: true,
        withTypedArray: true,
      })
      fc.assert(fc.property(anything, expectSame), { numRuns: 1_000 })
    })

    it('of what is nested deeper than a copy is made, and of cycles', () => {
      const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => ({ b: 1, a: [inner] }), null)
      expectSame(deep)
      const cycle: Record<string, unknown> = { b: 1 }
      cycle['a'] = cycle
      expectSame(cycle)
      expectSame({ b: 1, a: Object.assign([2], { toJSON: () => 'replaced' }) })
    })
  })

  it('does not normalise: composed and decomposed letters stay different', () => {
    expect(canonicalJson('\u00e9')).not.toBe(canonicalJson('e\u0301'))
  })

  it('orders integer-like keys as text', () => expect(canonicalJson({ 10: 1, 9: 2 })).toBe('{"10":1,"9":2}'))
})

describe('canonicalJson', () => {
  it('gives one text for one value, whatever the order of keys, and keeps the value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalJson(reversed)).toBe(canonicalJson(value))
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value))
      }),
    )
  })

  it.each([[undefined], [Number.NaN], [[Number.POSITIVE_INFINITY]], [{ a: '\ud800' }], [{ '\udc00': 1 }], [10n]])(
    'throws for what JSON cannot hold, without quoting it (%#)',
    (value) => expect(() => canonicalJson(value)).toThrow(/^value has no canonical JSON form$/),
  )
})

describe('sha256', () => {
  it('gives the FIPS 180 vector in our notation, for text and for bytes', () => {
    const digest = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(sha256('abc')).toBe(digest)
    expect(sha256(Buffer.from('abc'))).toBe(digest)
  })

  it('refuses a text that UTF-8 cannot hold', () => expect(() => sha256('\ud800')).toThrow(TypeError))
})
