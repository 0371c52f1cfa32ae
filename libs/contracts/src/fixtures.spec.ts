import { Ajv2020 } from 'ajv/dist/2020.js'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { eventDefinitions } from './catalogue.ts'
import { eventSchemas, messageSchemas } from './documents/json-schema.ts'
import { messageDefinitions } from './messages.ts'

const root = join(import.meta.dirname, '../fixtures')
const definitions = [
  ...eventDefinitions.map(({ name, version, data }) => ({ name, version, schema: data })),
  ...messageDefinitions,
]
const published = new Map([...eventSchemas(), ...messageSchemas()].map(({ name, schema }) => [name, schema]))

const read = (folder: string): { file: string; value: unknown }[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.json'))
        .map((file) => ({ file, value: JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown }))
    : []

describe.each(definitions)('$name v$version', ({ name, version, schema }) => {
  const typebox = Compile(schema)
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(published.get(name) ?? false)
  const folder = join(root, `${name}.v${version}`)
  const accepted = read(folder)
  const refused = read(join(folder, 'refused'))

  it('has an example that its schema takes, in TypeBox and as published JSON Schema', () => {
    expect(accepted.length).toBeGreaterThan(0)
    for (const { file, value } of accepted) {
      expect({ file, typebox: typebox.Check(value), ajv: ajv(value), errors: ajv.errors }).toEqual({
        file,
        typebox: true,
        ajv: true,
        errors: null,
      })
    }
  })

  it('refuses its counterexamples in both', () => {
    for (const { file, value } of refused) {
      expect({ file, typebox: typebox.Check(value), ajv: ajv(value) }).toEqual({ file, typebox: false, ajv: false })
    }
  })

  it('takes no example with a required field left out or, where it is closed, an unknown one added', () => {
    const { required = [], additionalProperties } = published.get(name) as {
      required?: string[]
      additionalProperties?: boolean
    }
    for (const { value } of accepted) {
      for (const field of required) {
        const { [field]: _left, ...rest } = value as Record<string, unknown>
        expect([field, typebox.Check(rest), ajv(rest)]).toEqual([field, false, false])
      }
      if (additionalProperties !== false) continue
      const more = { ...(value as object), unheardOf: 1 }
      expect([typebox.Check(more), ajv(more)]).toEqual([false, false])
    }
  })
})

it('keeps no examples of anything that is not in the catalogue', () => {
  expect(readdirSync(root).sort()).toEqual(definitions.map(({ name, version }) => `${name}.v${version}`).sort())
})
