import { definitionOf, type EventName, type RecordedEventOf } from '@countersign/contracts'
import fc from 'fast-check'

type Schema = {
  readonly type?: string
  readonly const?: string | number | boolean
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

const byPattern = new Map<string, fc.Arbitrary<string>>()
const matching = (pattern: string): fc.Arbitrary<string> => {
  const known = byPattern.get(pattern) ?? fc.stringMatching(new RegExp(pattern, 'u'))
  byPattern.set(pattern, known)
  return known
}

/** Values that fit a schema of the contracts: the part of JSON Schema that they use. */
const fitting = (schema: Schema): fc.Arbitrary<unknown> => {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1_000, 2 ** 31) })
    case 'string': {
      const { maxLength = 512 } = schema
      return schema.pattern === undefined
        ? fc.string({ minLength: schema.minLength ?? 0, maxLength })
        : matching(schema.pattern).filter((text) => text.length <= maxLength)
    }
    case 'array':
      return fc.array(fitting(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(3, schema.maxItems ?? 3),
      })
    case 'object': {
      const { properties = {}, required = [] } = schema
      const values = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, fitting(value)]))
      return fc.record(values, { requiredKeys: [...required] })
    }
    default:
      throw new Error(`no values for schema type ${schema.type ?? 'none'}`)
  }
}

const uuid = fc.uuid({ version: 7 })

/** Any recorded event of a type whose data fits its schema. */
export const anyEvent = (type: EventName): fc.Arbitrary<RecordedEventOf> => {
  const { kind, version: schemaVersion, owner, data } = definitionOf(type)
  return fc
    .record({
      eventId: uuid,
      type: fc.constant(type),
      schemaVersion: fc.constant(schemaVersion),
      tenantId: uuid,
      kind: fc.constant(kind),
      streamId: uuid,
      version: fc.integer({ min: 1, max: 30 }),
      data: fitting(data as unknown as Schema),
      metadata: fc.constant({ service: owner }),
      recordedAt: fc
        .date({ min: new Date('2026-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString()),
    })
    .map((event) => event as unknown as RecordedEventOf)
}
