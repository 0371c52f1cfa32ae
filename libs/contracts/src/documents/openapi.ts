import type { Type } from 'typebox'
import { httpRoutes } from '../http-routes.ts'
import { refusalsOf, type HttpRoute } from '../http-routes/route.ts'
import { messageDefinitions } from '../messages.ts'
import { refusals, type RefusalCode } from '../refusals.ts'
import { plainSchema, type JsonSchema } from './json-schema.ts'

export type OpenApiOptions = {
  /** HTTP status of a refusal code; the table is the HTTP shell's. */
  readonly statusOf: (code: RefusalCode) => number
}

const httpMessages = messageDefinitions.filter(({ carrier }) => carrier === 'http')
const names = new Map<Type.TSchema, string>(httpMessages.map(({ schema, name }) => [schema, name]))

const reference = (schema: Type.TSchema): JsonSchema => {
  const name = names.get(schema)
  return name === undefined ? plainSchema(schema) : { $ref: `#/components/schemas/${name}` }
}

const json = (schema: Type.TSchema): JsonSchema => ({ 'application/json': { schema: reference(schema) } })

const parametersOf = ({ path, query, headers }: HttpRoute): JsonSchema[] => {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const declared = (where: string, object: Type.TObject | undefined): JsonSchema[] =>
    Object.entries(object?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: where,
      required: object?.required?.includes(name) ?? false,
      schema: plainSchema(schema),
    }))
  return [...inPath, ...declared('query', query), ...declared('header', headers)]
}

const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }

/** Refusals grouped by status, each code with what it says. */
const problemsOf = (route: HttpRoute, { statusOf }: OpenApiOptions): Record<string, JsonSchema> => {
  const byStatus = Map.groupBy(refusalsOf(route), statusOf)
  return Object.fromEntries(
    [...byStatus]
      .sort(([one], [other]) => one - other)
      .map(([status, codes]) => [
        String(status),
        {
          description: codes.map((code) => `\`${code}\`: ${refusals[code].title}`).join('\n\n'),
          content: problem,
          'x-codes': codes,
        },
      ]),
  )
}

const operationOf = (route: HttpRoute, options: OpenApiOptions): JsonSchema => {
  const parameters = parametersOf(route)
  const answers = route.answers.map(({ status, description, body, contentType }) => [
    String(status),
    {
      description,
      ...(body === undefined ? {} : { content: json(body) }),
      ...(contentType === undefined ? {} : { content: { [contentType]: { schema: { type: 'string' } } } }),
    },
  ])
  return {
    operationId: route.operation,
    summary: route.summary,
    tags: [route.folder.split('/')[0]],
    'x-folder': route.folder,
    'x-callers': route.callers,
    security: route.callers.includes('anyone') ? [] : [{ bearer: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.request === undefined ? {} : { requestBody: { required: true, content: json(route.request) } }),
    ...(route.requestContentType === undefined
      ? {}
      : { requestBody: { required: true, content: { [route.requestContentType]: { schema: { type: 'string' } } } } }),
    responses: {
      ...problemsOf(route, options),
      ...Object.fromEntries(answers),
      default: { description: 'Any other refusal or failure', content: problem },
    },
  }
}

/** OpenAPI 3.1 description of the HTTP surface. */
export const openApiDocument = (options: OpenApiOptions): JsonSchema => {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const route of httpRoutes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, options) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Countersign',
      version: '1',
      description: 'Errors are problem details (RFC 9457) with a stable `code`; `refusals.md` lists the codes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: Object.fromEntries(httpMessages.map(({ name, schema }) => [name, plainSchema(schema)])),
    },
  }
}
