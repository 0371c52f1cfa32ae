import type { JsonObject, JsonValue } from './json-value.ts'
import { redactText } from './redact-text.ts'

/**
 * Writes reference tokens as an RFC 6901 JSON pointer; no tokens give '' (the whole document). A key that matches a
 * secret rule is redacted, because pointers go into refusals and logs.
 */
export function jsonPointer(tokens: readonly (string | number)[]): string {
  return tokens
    .map((token) => {
      if (typeof token === 'number') return `/${token}`
      return `/${redactText(token).replaceAll('~', '~0').replaceAll('/', '~1')}`
    })
    .join('')
}

interface Place {
  readonly a: JsonValue | undefined
  readonly b: JsonValue | undefined
  readonly token: string | number
  readonly parent: Place | undefined
}

function pointerTo(place: Place): string {
  const tokens: (string | number)[] = []
  for (let at: Place = place; at.parent !== undefined; at = at.parent) tokens.unshift(at.token)
  return jsonPointer(tokens)
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const member = (value: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(value, key) ? value[key] : undefined

function childrenOf(place: Place): Place[] | undefined {
  const { a, b } = place
  if (Array.isArray(a) && Array.isArray(b)) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, token) => ({
      a: a[token],
      b: b[token],
      token,
      parent: place,
    }))
  }
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
    return keys.map((token) => ({ a: member(a, token), b: member(b, token), token, parent: place }))
  }
  return undefined
}

/**
 * Names the first place in which two JSON values differ, as an RFC 6901 pointer, without its value: depth first, keys
 * in UTF-16 order as in RFC 8785. '' means the roots differ in kind or value; undefined means the values are equal,
 * which is exactly when their canonical JSON is equal.
 */
export function differingPointer(a: JsonValue, b: JsonValue): string | undefined {
  const open: Place[] = [{ a, b, token: '', parent: undefined }]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const children = childrenOf(place)
    if (children !== undefined) {
      for (const child of children.reverse()) open.push(child)
    } else if (place.a !== place.b) {
      return pointerTo(place)
    }
  }
  return undefined
}
