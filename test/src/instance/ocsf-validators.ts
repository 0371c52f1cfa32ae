import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

const folder = new URL('../../../libs/audit-row/src/fixtures/ocsf-1.8.0/', import.meta.url)
const classes = ['3003-authorize_session', '3004-entity_management', '3005-user_access', '6003-api_activity']

/** The published schemas of OCSF 1.8.0, by class. */
export const ocsfValidators = (): ReadonlyMap<number, ValidateFunction> => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  return new Map(
    classes.map((name) => [
      Number(name.slice(0, 4)),
      ajv.compile(JSON.parse(readFileSync(new URL(`${name}.schema.json`, folder), 'utf8')) as object),
    ]),
  )
}
