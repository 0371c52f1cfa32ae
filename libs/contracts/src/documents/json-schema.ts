import type { Type } from 'typebox'
import { eventDefinitions } from '../catalogue.ts'
import { messageDefinitions } from '../messages.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

/** A schema with its name and version, as it is published. */
export type NamedSchema = { readonly name: string; readonly version: number; readonly schema: JsonSchema }

/** TypeBox keeps what is not JSON Schema in hidden members; a round trip leaves only the schema. */
export const plainSchema = (schema: Type.TSchema): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema

/** Stable id of a published schema; nothing has to be fetched to use it. */
export const schemaId = (name: string, version: number): string =>
  `https://countersign.dev/schemas/${name}.v${version}.json`

const published = (name: string, version: number, schema: Type.TSchema): NamedSchema => ({
  name,
  version,
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: schemaId(name, version),
    title: name,
    ...plainSchema(schema),
  },
})

/** JSON Schema 2020-12 of the data of every event. */
export const eventSchemas = (): NamedSchema[] =>
  eventDefinitions.map(({ name, version, data }) => published(name, version, data))

/** JSON Schema 2020-12 of every other message. */
export const messageSchemas = (): NamedSchema[] =>
  messageDefinitions.map(({ name, version, schema }) => published(name, version, schema))
