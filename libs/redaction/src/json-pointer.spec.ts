import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, differingPointer, type JsonValue, jsonPointer } from './index.ts'

describe('differingPointer', () => {
  it.each<[JsonValue, JsonValue, string | undefined]>([
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, undefined],
    [{ b: 1, a: 1 }, { b: 2, a: 2 }, '/a'],
    [{ a: { b: [1, 2] } }, { a: { b: [1, 3] } }, '/a/b/1'],
    [{ a: [1] }, { a: [1, 2] }, '/a/1'],
    [{ a: [] }, { a: {} }, '/a'],
    [{ a: null }, {}, '/a'],
    [{ a: null }, { a: {} }, '/a'],
    [{ a: '1' }, { a: 1 }, '/a'],
    [{ 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }, '/a~1b/~0'],
    [{ '': 1 }, { '': 2 }, '/'],
    [{}, { toString: 1 }, '/toString'],
    [1, 2, ''],
    [{ a: 'x' }, { a: 'x ' }, '/a'],
  ])('of %j and %j is %j', (a, b, pointer) => expect(differingPointer(a, b)).toBe(pointer))

  it('is undefined exactly when the canonical forms are equal', () => {
    const value = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(value, value, fc.boolean(), (a, b, same) => {
        const other = same ? structuredClone(a) : b
        const equal = canonicalJson(a) === canonicalJson(other)
        expect(differingPointer(a as JsonValue, other as JsonValue) === undefined).toBe(equal)
      }),
    )
  })

  it('survives any depth and shows no secret key', () => {
    let deep: JsonValue = 1
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep]
    expect(differingPointer(deep, deep)).toBeUndefined()
    const secret = `npm_${'a1B2'.repeat(9)}`
    expect(differingPointer({ [secret]: 1 }, {})).toBe('/[REDACTED:npm_token]')
  })
})

describe('jsonPointer', () => {
  it('escapes as RFC 6901 §3 does', () => expect(jsonPointer(['a/b', 'm~n', 0, '~1'])).toBe('/a~1b/m~0n/0/~01'))
})
