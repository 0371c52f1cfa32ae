import type { JsonSchema } from './json-schema.ts'

/** Keywords that only describe. */
const annotations = new Set(['$schema', '$id', 'title', 'description', 'default', 'examples'])
/** Keywords that `compare` understands; any other that changes counts as incompatible. */
const lowerBounds = ['minimum', 'minLength', 'minItems', 'minProperties'] as const
const upperBounds = ['maximum', 'maxLength', 'maxItems', 'maxProperties'] as const
const compared = new Set<string>([
  ...annotations,
  ...lowerBounds,
  ...upperBounds,
  'type',
  'const',
  'pattern',
  'properties',
  'patternProperties',
  'required',
  'additionalProperties',
  'items',
  'anyOf',
])

const asSchema = (value: unknown): JsonSchema =>
  typeof value === 'object' && value !== null ? (value as JsonSchema) : {}
const members = (schema: JsonSchema, keyword: string): Readonly<Record<string, JsonSchema>> =>
  asSchema(schema[keyword]) as Record<string, JsonSchema>
const list = <T>(value: unknown): readonly T[] => (Array.isArray(value) ? (value as T[]) : [])

/**
 * What of `released` a value may no longer be under `current`: one line per incompatible change, with a JSON pointer. A new
 * optional field, a wider bound and a new alternative are compatible. Whatever is not understood counts as incompatible.
 */
export const incompatibilities = (released: JsonSchema, current: JsonSchema, at = ''): string[] => {
  if (released['anyOf'] !== undefined || current['anyOf'] !== undefined) return alternatives(released, current, at)
  return [
    ...scalars(released, current, at),
    ...bounds(released, current, at),
    ...fields(released, current, at),
    ...items(released, current, at),
  ]
}

/** Every released alternative has to fit one of the current ones. */
const alternatives = (released: JsonSchema, current: JsonSchema, at: string): string[] => {
  const offered = current['anyOf'] === undefined ? [current] : list<JsonSchema>(current['anyOf'])
  return (released['anyOf'] === undefined ? [released] : list<JsonSchema>(released['anyOf'])).flatMap((one) => {
    const tried = offered.map((other) => incompatibilities(one, other, at))
    if (tried.some((problems) => problems.length === 0)) return []
    const [only] = tried
    return tried.length === 1 && only !== undefined ? only : [`${at}: an alternative is gone or narrower`]
  })
}

const scalars = (released: JsonSchema, current: JsonSchema, at: string): string[] => {
  const problems: string[] = []
  const widens = released['type'] === 'integer' && current['type'] === 'number'
  if (current['type'] !== undefined && released['type'] !== current['type'] && !widens) {
    problems.push(`${at}: the type changed`)
  }
  if (current['const'] !== undefined && released['const'] !== current['const']) {
    problems.push(`${at}: the constant changed`)
  }
  if (current['pattern'] !== undefined && released['pattern'] !== current['pattern']) {
    problems.push(`${at}: the pattern changed`)
  }
  if (current['additionalProperties'] === false && released['additionalProperties'] !== false) {
    problems.push(`${at}: further fields are no longer allowed`)
  }
  for (const keyword of new Set([...Object.keys(released), ...Object.keys(current)])) {
    if (!compared.has(keyword) && JSON.stringify(released[keyword]) !== JSON.stringify(current[keyword])) {
      problems.push(`${at}: ${keyword} changed`)
    }
  }
  return problems
}

const bounds = (released: JsonSchema, current: JsonSchema, at: string): string[] => {
  const isNarrower = (keyword: string, sign: 1 | -1): boolean => {
    const [before, now] = [released[keyword], current[keyword]]
    return now !== undefined && (before === undefined || sign * Number(now) > sign * Number(before))
  }
  return [
    ...lowerBounds.filter((keyword) => isNarrower(keyword, 1)),
    ...upperBounds.filter((keyword) => isNarrower(keyword, -1)),
  ].map((keyword) => `${at}: ${keyword} is narrower`)
}

const fields = (released: JsonSchema, current: JsonSchema, at: string): string[] => {
  const required = new Set(list<string>(released['required']))
  const added = list<string>(current['required']).filter((name) => !required.has(name))
  return [
    ...added.map((name) => `${at}/${name}: is required now`),
    ...['properties', 'patternProperties'].flatMap((keyword) =>
      Object.entries(members(released, keyword)).flatMap(([name, schema]) => {
        const now = members(current, keyword)[name]
        return now === undefined ? [`${at}/${name}: is gone`] : incompatibilities(schema, now, `${at}/${name}`)
      }),
    ),
  ]
}

const items = (released: JsonSchema, current: JsonSchema, at: string): string[] =>
  current['items'] === undefined
    ? []
    : incompatibilities(asSchema(released['items']), asSchema(current['items']), `${at}/*`)

/** Compares whole sets of schemas by file name; a released one that is gone is incompatible, a new one is not. */
export const incompatibleSchemas = (
  released: ReadonlyMap<string, JsonSchema>,
  current: ReadonlyMap<string, JsonSchema>,
): string[] =>
  [...released].flatMap(([file, schema]) => {
    const now = current.get(file)
    if (now === undefined)
      return [`${file}: is gone; old records stay readable for ever, so a new version is added beside it`]
    return incompatibilities(schema, now).map((problem) => `${file}${problem}`)
  })
