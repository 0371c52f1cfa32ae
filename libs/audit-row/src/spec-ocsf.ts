import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

const ajv = new Ajv2020({ strict: false, allErrors: true })
const schemas = new Map(
  ['3003-authorize_session', '3004-entity_management', '3005-user_access', '6003-api_activity'].map((name) => {
    const path = new URL(`../src/fixtures/ocsf-1.8.0/${name}.schema.json`, import.meta.url)
    return [Number(name.slice(0, 4)), ajv.compile(JSON.parse(readFileSync(path, 'utf8')))] as const
  }),
)

/** Errors of the OCSF 1.8.0 schema of the row's class, as the row is on the wire; empty when it fits. For specs. */
export const ocsfErrors = (row: { readonly class_uid: number }): readonly unknown[] => {
  const validate = schemas.get(row.class_uid)
  if (validate === undefined) return [`no schema for class ${row.class_uid}`]
  // What goes over the wire is JSON: members without a value are not there.
  return validate(JSON.parse(JSON.stringify(row))) ? [] : (validate.errors ?? [])
}
