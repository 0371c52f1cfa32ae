import { numberProblem } from './json-number.ts'
import { jsonPointer } from './json-pointer.ts'

/** Bounds of one JSON body. Every bound is the largest value that passes. */
export interface JsonLimits {
  /** Bytes of the whole body. */
  readonly bodyBytes: number
  /** Nested objects and arrays; the root object is depth 1. */
  readonly depth: number
  /** Members of all objects together. */
  readonly keys: number
  /** UTF-16 code units of one decoded key. */
  readonly keyLength: number
  /** Elements of one array. */
  readonly arrayLength: number
  /** UTF-8 bytes of one decoded string. */
  readonly stringBytes: number
  /** Other string bounds (UTF-8 bytes) at and under a JSON pointer, such as { '/parameters': 32768 }. */
  readonly stringBytesUnder: Readonly<Record<string, number>>
}

export type JsonRefusalCode =
  | 'body_too_large'
  | 'bom_not_allowed'
  | 'invalid_utf8'
  | 'invalid_json'
  | 'root_not_object'
  | 'depth_exceeded'
  | 'too_many_keys'
  | 'key_too_long'
  | 'duplicate_key'
  | 'forbidden_key'
  | 'array_too_long'
  | 'string_too_long'
  | 'lone_surrogate'
  | 'nul_character'
  | 'negative_zero'
  | 'number_not_exact'

/** Why a body is refused, and where; never the value that was there. */
export interface JsonRefusal {
  readonly ok: false
  readonly code: JsonRefusalCode
  readonly pointer?: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const OBJECT_OPEN = 0x7b
const OBJECT_CLOSE = 0x7d
const ARRAY_OPEN = 0x5b
const ARRAY_CLOSE = 0x5d
const ZERO = 0x30
// The longest digit count that is always below 2^53.
const SAFE_DIGITS = 15
const SIMPLE_ESCAPES = '"\\/bfnrt'
const LITERALS = ['true', 'false', 'null']
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const HEX4 = /[0-9a-fA-F]{4}/y
// These reach Object.prototype through plain assignment or a merge.
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

function utf8Bytes(unit: number): number {
  if (unit < 0x80) return 1
  if (unit < 0x800) return 2
  // A surrogate is half of a pair that takes four bytes.
  return unit >= 0xd800 && unit <= 0xdfff ? 2 : 3
}

/**
 * One pass over well-formed text that finds the first reason to refuse it, without recursion and without building
 * values. The state is the open containers: `keySets` holds the keys seen (undefined for an array), `tokens` the key
 * or index that the scan stands at.
 */
export class JsonScan {
  private readonly text: string
  private readonly limits: JsonLimits
  private at = 0
  private keyCount = 0
  private readonly keySets: (Set<string> | undefined)[] = []
  private readonly tokens: (string | number | undefined)[] = []

  /** The text must come from valid UTF-8, so that a raw surrogate is always half of a pair. */
  constructor(text: string, limits: JsonLimits) {
    this.text = text
    this.limits = limits
  }

  /** Returns why the text is refused, or undefined when it is one JSON object within the limits. */
  firstRefusal(): JsonRefusal | undefined {
    this.skipSpace()
    const root = this.text.charCodeAt(this.at)
    if (root !== OBJECT_OPEN) {
      const other = root === ARRAY_OPEN || root === QUOTE || root === MINUS || isDigit(root) || this.literalLength() > 0
      return { ok: false, code: other ? 'root_not_object' : 'invalid_json' }
    }
    do {
      const code = this.readValue() ?? this.readAfterValue()
      if (code !== undefined) return { ok: false, code, pointer: this.pointer() }
    } while (this.keySets.length > 0)
    return this.at === this.text.length ? undefined : { ok: false, code: 'invalid_json' }
  }

  private pointer(): string {
    return jsonPointer(this.tokens.filter((token) => token !== undefined))
  }

  private skipSpace(): void {
    for (;;) {
      const unit = this.text.charCodeAt(this.at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.at += 1
    }
  }

  private literalLength(): number {
    return LITERALS.find((literal) => this.text.startsWith(literal, this.at))?.length ?? 0
  }

  /** Reads a scalar, or opens a container and stops before its first element's value. Closes an empty container. */
  private readValue(): JsonRefusalCode | undefined {
    for (;;) {
      const unit = this.text.charCodeAt(this.at)
      if (unit === QUOTE) return this.readStringValue()
      if (unit === MINUS || isDigit(unit)) return this.readNumber()
      if (unit !== OBJECT_OPEN && unit !== ARRAY_OPEN) {
        const length = this.literalLength()
        this.at += length
        return length === 0 ? 'invalid_json' : undefined
      }
      if (this.keySets.length >= this.limits.depth) return 'depth_exceeded'
      const isArray = unit === ARRAY_OPEN
      this.keySets.push(isArray ? undefined : new Set())
      this.tokens.push(undefined)
      this.at += 1
      this.skipSpace()
      if (this.text.charCodeAt(this.at) === (isArray ? ARRAY_CLOSE : OBJECT_CLOSE)) return this.close()
      const code = isArray ? this.startElement(0) : this.readKey()
      if (code !== undefined) return code
    }
  }

  /** Reads what follows a value: closes containers until the next element's value or the end of the root. */
  private readAfterValue(): JsonRefusalCode | undefined {
    for (;;) {
      this.skipSpace()
      const depth = this.keySets.length
      if (depth === 0) return undefined
      const isArray = this.keySets[depth - 1] === undefined
      const unit = this.text.charCodeAt(this.at)
      if (unit === COMMA) {
        this.at += 1
        this.skipSpace()
        return isArray ? this.startElement(Number(this.tokens[depth - 1]) + 1) : this.readKey()
      }
      if (unit !== (isArray ? ARRAY_CLOSE : OBJECT_CLOSE)) return 'invalid_json'
      this.close()
    }
  }

  private close(): undefined {
    this.at += 1
    this.keySets.pop()
    this.tokens.pop()
    return undefined
  }

  private startElement(index: number): JsonRefusalCode | undefined {
    this.tokens[this.tokens.length - 1] = index
    return index >= this.limits.arrayLength ? 'array_too_long' : undefined
  }

  private readKey(): JsonRefusalCode | undefined {
    const top = this.tokens.length - 1
    // Until the new key is known to be fit for a pointer, a refusal points to the object itself.
    this.tokens[top] = undefined
    if (this.text.charCodeAt(this.at) !== QUOTE) return 'invalid_json'
    this.keyCount += 1
    if (this.keyCount > this.limits.keys) return 'too_many_keys'
    const start = this.at
    const read = this.readString()
    if (typeof read === 'string') return read
    const key: string = read.escaped
      ? JSON.parse(this.text.slice(start, this.at))
      : this.text.slice(start + 1, this.at - 1)
    if (key.length > this.limits.keyLength) return 'key_too_long'
    this.tokens[top] = key
    if (FORBIDDEN_KEYS.has(key)) return 'forbidden_key'
    const seen = this.keySets[top]
    if (seen?.has(key)) return 'duplicate_key'
    seen?.add(key)
    this.skipSpace()
    if (this.text.charCodeAt(this.at) !== COLON) return 'invalid_json'
    this.at += 1
    this.skipSpace()
    return undefined
  }

  private readStringValue(): JsonRefusalCode | undefined {
    const read = this.readString()
    if (typeof read === 'string') return read
    return read.bytes > this.limits.stringBytes && read.bytes > this.boundHere() ? 'string_too_long' : undefined
  }

  /** The largest string bound that applies at the current place; only asked for strings above the general bound. */
  private boundHere(): number {
    const here = `${this.pointer()}/`
    let bound = this.limits.stringBytes
    for (const [pointer, bytes] of Object.entries(this.limits.stringBytesUnder)) {
      if (here.startsWith(`${pointer}/`)) bound = Math.max(bound, bytes)
    }
    return bound
  }

  /** Reads a string from its opening to behind its closing quote. */
  private readString(): JsonRefusalCode | { bytes: number; escaped: boolean } {
    const { text } = this
    let bytes = 0
    let escaped = false
    let at = this.at + 1
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) break
      if (unit === BACKSLASH) {
        escaped = true
        if (text.charCodeAt(at + 1) !== 0x75) {
          if (at + 1 >= text.length || !SIMPLE_ESCAPES.includes(text.charAt(at + 1))) return 'invalid_json'
          bytes += 1
          at += 2
          continue
        }
        const code = this.escapedUnit(at)
        if (code === undefined) return 'invalid_json'
        if (code === 0) return 'nul_character'
        if (isLowSurrogate(code)) return 'lone_surrogate'
        if (isHighSurrogate(code)) {
          const next = this.escapedUnit(at + 6)
          if (next === undefined || !isLowSurrogate(next)) return 'lone_surrogate'
          at += 6
          bytes += 2
        }
        bytes += utf8Bytes(code)
        at += 6
        continue
      }
      if (unit < 0x20) return unit === 0 ? 'nul_character' : 'invalid_json'
      if (at >= text.length) return 'invalid_json'
      bytes += utf8Bytes(unit)
      at += 1
    }
    this.at = at + 1
    return { bytes, escaped }
  }

  private escapedUnit(at: number): number | undefined {
    if (!this.text.startsWith('\\u', at)) return undefined
    HEX4.lastIndex = at + 2
    return HEX4.test(this.text) ? Number.parseInt(this.text.slice(at + 2, at + 6), 16) : undefined
  }

  private readNumber(): JsonRefusalCode | undefined {
    const start = this.at
    // Most numbers are short positive integers, which a double always keeps.
    let end = start
    while (isDigit(this.text.charCodeAt(end))) end += 1
    const next = this.text.charCodeAt(end)
    const isInteger = next === COMMA || next === OBJECT_CLOSE || next === ARRAY_CLOSE
    if (isInteger && end - start <= SAFE_DIGITS && this.text.charCodeAt(start) > ZERO) {
      this.at = end
      return undefined
    }
    NUMBER.lastIndex = start
    if (!NUMBER.test(this.text)) return 'invalid_json'
    this.at = NUMBER.lastIndex
    return numberProblem(this.text.slice(start, this.at))
  }
}
