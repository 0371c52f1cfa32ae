import type { JsonObject, JsonValue } from '@countersign/contracts'

export const requestBounds = {
  depth: 6,
  keys: 48,
  items: 32,
  keyLength: 128,
  stringLength: 1024,
  bytes: 16_384,
} as const

/**
 * Request parameters of a record, made to fit an intent's parameters: what is deeper, longer or more is cut, U+0000, lone
 * surrogates and reserved keys go, and numbers without an exact canonical form become strings. `cut` counts the places.
 * A request that is still larger than the bound is left out as a whole.
 */
export const boundRequest = (request: JsonObject): { request: JsonObject; cut: number } => {
  const count = { cut: 0 }
  const bounded = boundObject(request, 1, count)
  if (Buffer.byteLength(JSON.stringify(bounded)) <= requestBounds.bytes) return { request: bounded, cut: count.cut }
  return { request: {}, cut: count.cut + 1 }
}

const boundObject = (object: JsonObject, depth: number, count: { cut: number }): JsonObject => {
  const entries = Object.entries(object).filter(([key]) => !['__proto__', 'constructor', 'prototype', ''].includes(key))
  const kept = entries.slice(0, requestBounds.keys)
  if (kept.length < Object.keys(object).length) count.cut += 1
  return Object.fromEntries(
    kept.map(([key, value]) => [boundText(key, requestBounds.keyLength, count), boundValue(value, depth, count)]),
  )
}

const boundValue = (value: JsonValue, depth: number, count: { cut: number }): JsonValue => {
  if (typeof value === 'string') return boundText(value, requestBounds.stringLength, count)
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= requestBounds.depth) {
    count.cut += 1
    return null
  }
  if (!Array.isArray(value)) return boundObject(value, depth + 1, count)
  if (value.length > requestBounds.items) count.cut += 1
  return value.slice(0, requestBounds.items).map((item) => boundValue(item, depth + 1, count))
}

const boundText = (text: string, maxLength: number, count: { cut: number }): string => {
  if (text.length > maxLength) count.cut += 1
  return text.slice(0, maxLength).replaceAll('\u0000', '').toWellFormed()
}
