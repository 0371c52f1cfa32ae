import { describe, expect, it } from 'vitest'
import { incompatibilities, incompatibleSchemas } from './compatibility.ts'
import { eventSchemas, messageSchemas, type JsonSchema } from './json-schema.ts'

const released = {
  type: 'object',
  required: ['id', 'kind', 'seats'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', pattern: '^[0-9]+$', minLength: 1, maxLength: 8 },
    kind: {
      anyOf: [
        { type: 'string', const: 'agent' },
        { type: 'string', const: 'person' },
      ],
    },
    version: { type: 'integer', const: 1 },
    seats: { type: 'array', minItems: 1, maxItems: 4, items: { type: 'integer', minimum: 1, maximum: 9 } },
    rest: { type: 'object', patternProperties: { '^x-': { type: 'string' } } },
  },
} satisfies JsonSchema

/** The released schema with one change at a path. */
const changed = (path: string, change: (at: Record<string, unknown>) => void): JsonSchema => {
  const copy = structuredClone(released) as Record<string, unknown>
  const at = path === '' ? copy : path.split('.').reduce((node, key) => node[key] as Record<string, unknown>, copy)
  change(at)
  return copy
}

const set = (key: string, value: unknown) => (at: Record<string, unknown>) => {
  at[key] = value
}
const unset = (key: string) => (at: Record<string, unknown>) => {
  delete at[key]
}

describe('an incompatible change is named', () => {
  it.each([
    ['a field is removed', changed('properties', unset('version')), '/version: is gone'],
    [
      'a field is renamed',
      changed('properties', (at) => {
        at['identifier'] = at['id']
        delete at['id']
      }),
      '/id: is gone',
    ],
    [
      'an optional field becomes required',
      changed('', set('required', ['id', 'kind', 'seats', 'rest'])),
      '/rest: is required now',
    ],
    [
      'a new field is required',
      changed('', set('required', ['id', 'kind', 'seats', 'extra'])),
      '/extra: is required now',
    ],
    ['a type changes', changed('properties.id', set('type', 'integer')), '/id: the type changed'],
    ['a pattern changes', changed('properties.id', set('pattern', '^[1-9]+$')), '/id: the pattern changed'],
    [
      'a pattern is added',
      changed('properties.kind.anyOf.0', set('pattern', '^a')),
      '/kind: an alternative is gone or narrower',
    ],
    ['a string gets shorter', changed('properties.id', set('maxLength', 7)), '/id: maxLength is narrower'],
    ['a list must be longer', changed('properties.seats', set('minItems', 2)), '/seats: minItems is narrower'],
    ['a bound is added', changed('properties.seats.items', set('multipleOf', 2)), '/seats/*: multipleOf changed'],
    [
      'a bound of an item is lowered',
      changed('properties.seats.items', set('maximum', 8)),
      '/seats/*: maximum is narrower',
    ],
    ['a constant changes', changed('properties.version', set('const', 2)), '/version: the constant changed'],
    [
      'an alternative goes',
      changed('properties.kind', (at) => (at['anyOf'] as unknown[]).pop()),
      '/kind: the constant changed',
    ],
    [
      'an object is closed',
      changed('properties.rest', set('additionalProperties', false)),
      '/rest: further fields are no longer allowed',
    ],
    [
      'what a pattern of names takes changes',
      changed('properties.rest.patternProperties.^x-', set('type', 'number')),
      '/rest/^x-: the type changed',
    ],
    [
      'an unknown keyword appears',
      changed('properties.rest', set('dependentRequired', { a: ['b'] })),
      '/rest: dependentRequired changed',
    ],
  ])('%s', (_case, current, problem) => {
    expect(incompatibilities(released, current)).toContain(problem)
  })
})

describe('a compatible change passes', () => {
  it.each([
    ['nothing changed', released],
    ['an optional field is added', changed('properties', set('note', { type: 'string' }))],
    ['a field becomes optional', changed('', set('required', ['id']))],
    ['a bound is widened', changed('properties.id', set('maxLength', 9))],
    ['a bound goes', changed('properties.id', unset('maxLength'))],
    [
      'an alternative is added',
      changed('properties.kind', (at) => (at['anyOf'] as unknown[]).push({ const: 'pipeline' })),
    ],
    ['an integer becomes a number', changed('properties.seats.items', set('type', 'number'))],
    [
      'a value gets alternatives',
      changed('properties', set('version', { anyOf: [{ type: 'integer', const: 1 }, { type: 'null' }] })),
    ],
    ['words change', changed('', set('description', 'Other words'))],
  ])('%s', (_case, current) => {
    expect(incompatibilities(released, current)).toEqual([])
  })
})

it('misses a released schema that is gone and ignores a new one', () => {
  const current = new Map([['B.v1.json', released]])
  expect(incompatibleSchemas(new Map([['A.v1.json', released]]), current)).toEqual([
    expect.stringContaining('A.v1.json: is gone'),
  ])
  expect(incompatibleSchemas(new Map(), current)).toEqual([])
})

it('finds any required field of any published schema missing when it is taken out', () => {
  for (const { name, schema } of [...eventSchemas(), ...messageSchemas()]) {
    for (const field of Object.keys((schema['properties'] ?? {}) as object)) {
      const { [field]: _gone, ...properties } = schema['properties'] as Record<string, unknown>
      expect([name, field, incompatibilities(schema, { ...schema, properties })]).toEqual([
        name,
        field,
        [`/${field}: is gone`],
      ])
    }
  }
})
