import { asyncApiDocument } from './asyncapi.ts'
import { catalogueEntries, cataloguePage } from './catalogue-page.ts'
import { eventSchemas, messageSchemas } from './json-schema.ts'
import { openApiDocument, type OpenApiOptions } from './openapi.ts'
import { refusalsPage } from './refusals-page.ts'

/** How every generated JSON file is written, so that a byte comparison means something. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Everything that is derived from the schemas: path below `generated/` → text. */
export const generatedFiles = (options: OpenApiOptions): ReadonlyMap<string, string> =>
  new Map([
    ...[...eventSchemas(), ...messageSchemas()].map(
      ({ name, version, schema }) => [`schemas/${name}.v${version}.json`, jsonText(schema)] as const,
    ),
    ['asyncapi.json', jsonText(asyncApiDocument())],
    ['openapi.json', jsonText(openApiDocument(options))],
    ['catalogue.json', jsonText(catalogueEntries())],
    ['catalogue.md', cataloguePage()],
    ['refusals.md', refusalsPage(options)],
  ])
