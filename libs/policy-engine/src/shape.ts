import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { JsonValue } from '@countersign/contracts'

/** The part of Cedar's types that JSON facts can take. `text` is an extension type, which Cedar reads from a string. */
export type Shape =
  | { readonly kind: 'string' | 'long' | 'boolean' | 'text' }
  | { readonly kind: 'set'; readonly element: Shape }
  | RecordShape
export type RecordShape = { readonly kind: 'record'; readonly attributes: ReadonlyMap<string, Attribute> }
export type Attribute = { readonly shape: Shape; readonly required: boolean }

const scalars: Record<string, Shape> = {
  String: { kind: 'string' },
  Long: { kind: 'long' },
  Bool: { kind: 'boolean' },
  Boolean: { kind: 'boolean' },
  ipaddr: { kind: 'text' },
  decimal: { kind: 'text' },
  datetime: { kind: 'text' },
  duration: { kind: 'text' },
}

type SchemaType = {
  readonly type: string
  readonly name?: string
  readonly element?: SchemaType
  readonly attributes?: Readonly<Record<string, SchemaType & { readonly required?: boolean }>>
}

/** Shape of a type in Cedar's resolved JSON schema; undefined where it needs an entity, which facts are not. */
export const shapeOf = (type: unknown, schema: SchemaJson<string>): Shape | undefined =>
  shapeOfType(type as SchemaType, schema)

const shapeOfType = (type: SchemaType, schema: SchemaJson<string>): Shape | undefined => {
  if (type.type === 'Set') {
    const element = type.element === undefined ? undefined : shapeOfType(type.element, schema)
    return element && { kind: 'set', element }
  }
  if (type.type === 'Record') {
    const attributes = new Map<string, Attribute>()
    for (const [name, attribute] of Object.entries(type.attributes ?? {})) {
      const shape = shapeOfType(attribute, schema)
      if (shape === undefined) return undefined
      attributes.set(name, { shape, required: attribute.required !== false })
    }
    return { kind: 'record', attributes }
  }
  const name = (type.name ?? type.type).replace(/^__cedar::/, '')
  const split = name.lastIndexOf('::')
  const [space, local] = split < 0 ? ['', name] : [name.slice(0, split), name.slice(split + 2)]
  const common = schema[space]?.commonTypes?.[local]
  return common === undefined ? scalars[name] : shapeOfType(common as unknown as SchemaType, schema)
}

export type Fitted = { readonly fits: true; readonly value: JsonValue } | { readonly fits: false; readonly at: string }

const misfit = (at: string): Fitted => ({ fits: false, at })

/**
 * The part of a JSON value that a shape declares. What is not declared is left out, since no rule can read it; null
 * counts as absent. What is declared and has another type, or is required and absent, is a misfit: left out it could
 * slip past a forbid. `at` is the JSON pointer of the declared field, never a value.
 */
export const fit = (value: unknown, shape: Shape, at = ''): Fitted => {
  switch (shape.kind) {
    case 'string':
    case 'text':
      return typeof value === 'string' ? { fits: true, value } : misfit(at)
    case 'boolean':
      return typeof value === 'boolean' ? { fits: true, value } : misfit(at)
    case 'long':
      return Number.isSafeInteger(value) ? { fits: true, value: value as number } : misfit(at)
    case 'set':
      return fitSet(value, shape.element, at)
    case 'record':
      return fitRecord(value, shape, at)
  }
}

const fitSet = (value: unknown, element: Shape, at: string): Fitted => {
  if (!Array.isArray(value)) return misfit(at)
  const items: JsonValue[] = []
  for (const item of value) {
    const fitted = fit(item, element, `${at}/-`)
    if (!fitted.fits) return fitted
    items.push(fitted.value)
  }
  return { fits: true, value: items }
}

const fitRecord = (value: unknown, shape: RecordShape, at: string): Fitted => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return misfit(at)
  const record: [string, JsonValue][] = []
  for (const [name, { shape: inner, required }] of shape.attributes) {
    const pointer = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const field: unknown = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
    if (field === undefined || field === null) {
      if (required) return misfit(pointer)
      continue
    }
    const fitted = fit(field, inner, pointer)
    if (!fitted.fits) return fitted
    record.push([name, fitted.value])
  }
  return { fits: true, value: Object.fromEntries(record) }
}
