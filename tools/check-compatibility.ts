import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { incompatibleSchemas } from '../libs/contracts/src/documents/compatibility.ts'
import { jsonText } from '../libs/contracts/src/documents/generated-files.ts'
import { eventSchemas, messageSchemas, type JsonSchema } from '../libs/contracts/src/documents/json-schema.ts'

/**
 * Compares the schemas with those that were released and fails when something that was valid no longer is. With `--release`
 * it records the present ones as released, which is part of making a release.
 */
const folder = join(import.meta.dirname, '../libs/contracts/released')

const read = (): Map<string, JsonSchema> =>
  new Map(readdirSync(folder).map((file) => [file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as JsonSchema]))

mkdirSync(folder, { recursive: true })
const current = new Map(
  [...eventSchemas(), ...messageSchemas()].map(({ name, version, schema }) => [`${name}.v${version}.json`, schema]),
)
const released = read()
const problems = incompatibleSchemas(released, current)

if (problems.length > 0) {
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  process.stderr.write('add a new version beside the released one, or keep what was valid valid\n')
  process.exitCode = 1
} else if (process.argv.includes('--release')) {
  for (const [file, schema] of current) writeFileSync(join(folder, file), jsonText(schema))
  process.stdout.write(`${current.size} schemas recorded as released\n`)
} else {
  process.stdout.write(`${released.size} released schemas, all compatible\n`)
}
