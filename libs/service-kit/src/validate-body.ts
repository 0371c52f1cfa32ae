import type { PipeTransform } from '@nestjs/common'
import type { Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { type FieldError, Refused } from './problem-details.ts'

type Schema = {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
}

/** The schema itself and, for unions and intersections, what they are made of. */
const flatten = (schema: Schema): Schema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.allOf ?? []), ...(schema.oneOf ?? [])].flatMap(flatten),
]

const step = (schemas: readonly Schema[], segment: string): Schema[] =>
  schemas.flatMap((schema) => {
    const next = /^\d+$/.test(segment) && schema.items ? schema.items : undefined
    const property = schema.properties && Object.hasOwn(schema.properties, segment) ? schema.properties[segment] : next
    return property === undefined ? [] : flatten(property)
  })

type Place = { readonly pointer: string; readonly fields: readonly string[] }

/**
 * A pointer of which only names that the schema declares remain: a key that the caller made up could be a secret, so from
 * there on the pointer says `*`. `fields` are the names that the schema knows at that place.
 */
const placeOf = (schema: Schema, instancePath: string): Place => {
  let schemas = flatten(schema)
  const kept: string[] = []
  for (const segment of instancePath.split('/').slice(1)) {
    schemas = step(schemas, segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    kept.push(schemas.length === 0 ? '*' : segment)
    if (schemas.length === 0) break
  }
  return {
    pointer: kept.map((segment) => `/${segment}`).join(''),
    fields: schemas.flatMap((at) => Object.keys(at.properties ?? {})),
  }
}

/** Keywords whose message is made of the schema alone. */
const tellingKeywords = new Set(
  `type const enum pattern format minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum
   minItems maxItems minProperties maxProperties`.split(/\s+/),
)

const fieldErrors = (schema: Schema, error: TLocalizedValidationError): FieldError[] => {
  const { pointer, fields } = placeOf(schema, error.instancePath)
  if (error.keyword === 'additionalProperties') {
    return [{ code: 'unknown_field', pointer, expected: `only ${[...new Set(fields)].join(', ')}` }]
  }
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => ({ code: 'missing_field', pointer: `${pointer}/${name}` }))
  }
  // The schema `false` behind a closed object's extra field; the field itself is reported by its parent.
  if (error.keyword === 'boolean') return []
  return [
    { code: 'invalid_field', pointer, ...(tellingKeywords.has(error.keyword) ? { expected: error.message } : {}) },
  ]
}

const refusalOf = (schema: Schema, errors: readonly TLocalizedValidationError[]): Refused => {
  const byPlace = new Map<string, FieldError>()
  for (const error of errors.flatMap((each) => fieldErrors(schema, each))) {
    const place = `${error.code} ${error.pointer}`
    if (!byPlace.has(place)) byPlace.set(place, error)
  }
  const fields = [...byPlace.values()]
  const isOnlyUnknown = fields.length > 0 && fields.every((field) => field.code === 'unknown_field')
  return new Refused({
    code: isOnlyUnknown ? 'unknown_field' : 'invalid_request',
    pointer: fields[0]?.pointer ?? '',
    errors: fields,
  })
}

/** Checks one value by a compiled schema; throws `Refused` with the pointers of the failing fields. */
export const checkedBy = <S extends Type.TSchema>(schema: S): ((value: unknown) => Type.Static<S>) => {
  const validator = Compile(schema) as unknown as Validator
  return (value) => {
    if (validator.Check(value)) return value as Type.Static<S>
    throw refusalOf(schema as Schema, validator.Errors(value))
  }
}

/**
 * The one pipe for request bodies: `@Body(validateBody(Schema)) body: Schema`. A body that does not fit is
 * `invalid_request`, or `unknown_field` when nothing but extra fields is wrong; values are never quoted.
 */
export const validateBody = <S extends Type.TSchema>(schema: S): PipeTransform<unknown, Type.Static<S>> => {
  const check = checkedBy(schema)
  return { transform: (value) => check(value) }
}

/** The pipe for a path parameter, `@Param('intentId', pathParameter(Uuid))`: what cannot exist is not found. */
export const pathParameter = <S extends Type.TSchema>(schema: S): PipeTransform<unknown, Type.Static<S>> => {
  const validator = Compile(schema) as unknown as Validator
  return {
    transform: (value) => {
      if (validator.Check(value)) return value as Type.Static<S>
      throw new Refused({ code: 'not_found' })
    },
  }
}
