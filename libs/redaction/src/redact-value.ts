import { isSecretName } from './assignment-rules.ts'
import type { JsonObject, JsonValue } from './json-value.ts'
import { redactText } from './redact-text.ts'

const WITHHELD = '[REDACTED:assignment]'

function redactScalar(value: JsonValue, named: boolean): JsonValue {
  if (named && (typeof value === 'number' || (typeof value === 'string' && value !== ''))) return WITHHELD
  return typeof value === 'string' ? redactText(value) : value
}

/** Two keys that look alike after redaction stay two members. */
function freeKey(target: JsonObject, key: string): string {
  let free = key
  for (let count = 2; Object.hasOwn(target, free); count += 1) free = `${key}#${count}`
  return free
}

/**
 * Copies a JSON value with redactText on every string and key. A string or number under a name that says secret
 * (`password`, `client_secret`, also in an array there) is withheld whatever it looks like. Works without recursion.
 */
export function redactValue(value: JsonValue): JsonValue {
  const root: JsonValue[] = []
  const open: { from: JsonValue; named: boolean; put: (copy: JsonValue) => void }[] = [
    { from: value, named: false, put: (copy) => root.push(copy) },
  ]
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { from, named, put } = item
    if (Array.isArray(from)) {
      const copy: JsonValue[] = []
      put(copy)
      for (const [index, element] of from.entries()) {
        copy.push(null)
        open.push({ from: element, named, put: (made) => (copy[index] = made) })
      }
    } else if (typeof from === 'object' && from !== null) {
      const copy: JsonObject = {}
      put(copy)
      for (const [key, member] of Object.entries(from)) {
        const name = freeKey(copy, redactText(key))
        // Not an assignment: that would run the setter of __proto__.
        const define = (made: JsonValue): unknown =>
          Object.defineProperty(copy, name, { value: made, writable: true, enumerable: true, configurable: true })
        define(null)
        open.push({ from: member, named: isSecretName(key), put: define })
      }
    } else {
      put(redactScalar(from, named))
    }
  }
  return root[0] ?? null
}
