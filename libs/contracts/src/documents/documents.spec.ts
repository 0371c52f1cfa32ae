import asyncApiSpecs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventDefinitions } from '../catalogue.ts'
import { httpRoutes } from '../http-routes.ts'
import { messageDefinitions } from '../messages.ts'
import { refusals, type RefusalCode } from '../refusals.ts'
import { asyncApiDocument } from './asyncapi.ts'
import { cataloguePage } from './catalogue-page.ts'
import { eventSchemas, messageSchemas, type JsonSchema } from './json-schema.ts'
import { openApiDocument } from './openapi.ts'
import { refusalsPage } from './refusals-page.ts'

const statusOf = () => 409
const openApi = openApiDocument({ statusOf })
const asyncApi = asyncApiDocument()

const isAsyncApi = () => {
  const ajv = new Ajv({ strict: false, validateSchema: false, meta: false })
  addFormats.default(ajv)
  return ajv.compile((asyncApiSpecs.schemas as Record<string, object>)['3.0.0'] ?? false)
}

/** Every `$ref` of a document. */
const references = (node: unknown): string[] => {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  )
}

const resolves = (document: JsonSchema, reference: string): boolean =>
  reference.startsWith('#/') &&
  reference
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as JsonSchema | undefined)?.[key], document) !== undefined

describe('AsyncAPI', () => {
  it('is valid against the specification', () => {
    const validate = isAsyncApi()
    expect({ valid: validate(asyncApi), errors: validate.errors }).toEqual({ valid: true, errors: null })
  })

  it('would not be with an operation that does neither send nor receive', () => {
    const broken = structuredClone(asyncApi) as { operations: Record<string, { action: string }> }
    Object.assign(broken.operations['publishEvents'] ?? {}, { action: 'carry' })
    expect(isAsyncApi()(broken)).toBe(false)
  })

  it('describes a record of every event, with the data of its fixtures', () => {
    const root = join(import.meta.dirname, '../../fixtures')
    const { messages, schemas } = asyncApi['components'] as Record<string, Record<string, JsonSchema>>
    for (const { name, version, kind } of eventDefinitions) {
      const ajv = new Ajv2020({ strict: false })
      ajv.addSchema({ $id: 'document', components: { schemas } })
      const payload = JSON.parse(
        JSON.stringify(messages?.[name]?.['payload']).replaceAll('"#/components', '"document#/components'),
      ) as JsonSchema
      const validate = ajv.compile(payload)
      const folder = join(root, `${name}.v${version}`)
      for (const file of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
        const record = {
          specversion: '1.0',
          id: '019d0c4e-7b00-7000-8000-000000000001',
          source: '/countersign/intake',
          type: `dev.countersign.${name}.v${version}`,
          subject: '019d0c4e-7b00-7000-8000-000000000002',
          time: '2026-11-21T10:00:00.000Z',
          datacontenttype: 'application/json',
          tenantid: '019d0c4e-7b00-7000-8000-000000000003',
          streamkind: kind,
          streamversion: 1,
          data: JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown,
        }
        expect([name, validate(record), validate.errors]).toEqual([name, true, null])
        expect(validate({ ...record, type: 'dev.countersign.Another.v1' })).toBe(false)
        expect(validate({ ...record, data: {} })).toBe(false)
      }
    }
  })
})

describe('OpenAPI', () => {
  it('has every route with an operation of its own', () => {
    const operations = Object.values(openApi['paths'] as Record<string, Record<string, { operationId: string }>>)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId }) => operationId)
    expect(operations.length).toBe(httpRoutes.length)
    expect(new Set(operations).size).toBe(operations.length)
  })

  it('names only bodies that the message catalogue has', () => {
    const known = new Set(messageDefinitions.map(({ schema }) => schema))
    const inline = httpRoutes.filter(({ request, answers }) =>
      [request, ...answers.map(({ body }) => body)].some((schema) => schema !== undefined && !known.has(schema)),
    )
    expect(inline).toEqual([])
  })

  it('holds component schemas that are JSON Schema 2020-12', () => {
    const { schemas } = openApi['components'] as { schemas: Record<string, JsonSchema> }
    for (const schema of Object.values(schemas)) {
      expect(new Ajv2020({ strict: true, allowUnionTypes: true }).validateSchema(schema)).toBe(true)
    }
  })
})

it.each([
  ['asyncapi.json', asyncApi],
  ['openapi.json', openApi],
])('every reference in %s leads somewhere', (_name, document) => {
  const found = references(document)
  expect(found.length).toBeGreaterThan(20)
  expect(found.filter((reference) => !resolves(document, reference))).toEqual([])
})

it('gives every published schema an id of its own', () => {
  const ids = [...eventSchemas(), ...messageSchemas()].map(({ schema }) => schema['$id'])
  expect(new Set(ids).size).toBe(ids.length)
})

it('lists every event and every refusal code on the pages', () => {
  const catalogue = cataloguePage()
  expect(eventDefinitions.filter(({ name }) => !catalogue.includes(`| [${name}](`))).toEqual([])
  const page = refusalsPage({ statusOf })
  expect((Object.keys(refusals) as RefusalCode[]).filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([])
})
