import type { Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { coerceText, type TextTarget } from './coerce-text.ts'
import { Refused } from './problem-details.ts'

type Query = Readonly<Record<string, unknown>>

const validators = new WeakMap<Type.TObject, Validator>()

const validatorOf = (schema: Type.TObject): Validator => {
  const known = validators.get(schema)
  if (known) return known
  const compiled = Compile(schema) as unknown as Validator
  validators.set(schema, compiled)
  return compiled
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new Refused({ code: 'invalid_parameter' })
  }
}

const knownNames = (schema: Type.TObject | undefined): string => {
  const names = Object.keys(schema?.properties ?? {})
  return names.length === 0 ? 'This address takes no query parameters.' : `Known parameters: ${names.join(', ')}.`
}

/** Name and text of each parameter; percent-encoding has to be valid UTF-8. */
const pairsOf = (text: string): [name: string, value: string][] =>
  text.split('&').flatMap((part) => {
    if (part === '') return []
    const at = part.indexOf('=')
    return [at < 0 ? [decode(part), ''] : [decode(part.slice(0, at)), decode(part.slice(at + 1))]]
  })

/**
 * Reads the query of an address (the text after `?`) by a route's schema, coerced and with defaults.
 *
 * @throws Refused `unknown_parameter`, `duplicate_parameter` or `invalid_parameter`; names only parameters of the schema.
 */
export const readQuery = (text: string, schema: Type.TObject | undefined): Query => {
  const query: Record<string, unknown> = {}
  for (const [name, value] of pairsOf(text)) {
    const property = schema && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
    if (property === undefined) throw new Refused({ code: 'unknown_parameter', detail: knownNames(schema) })
    if (Object.hasOwn(query, name)) throw new Refused({ code: 'duplicate_parameter', pointer: `/${name}` })
    // No text of the store holds it.
    if (value.includes('\0')) throw new Refused({ code: 'invalid_parameter', pointer: `/${name}` })
    query[name] = coerceText(value, property as TextTarget)
  }
  if (!schema) return query
  for (const [name, property] of Object.entries(schema.properties)) {
    const fallback = (property as { default?: unknown }).default
    if (!Object.hasOwn(query, name) && fallback !== undefined) query[name] = fallback
  }
  const validator = validatorOf(schema)
  if (validator.Check(query)) return query
  const [error] = validator.Errors(query)
  const missing = error?.keyword === 'required' ? error.params.requiredProperties[0] : undefined
  const pointer = missing === undefined ? error?.instancePath : `/${missing}`
  throw new Refused({ code: 'invalid_parameter', ...(pointer === undefined ? {} : { pointer }) })
}
