import { createHash } from 'node:crypto'
import type { PolicySource } from './policy-set.ts'

/**
 * SHA-256 over canonical JSON (RFC 8785) of `{engine, policies, schema}`: the same texts under the same engine version,
 * whatever order the files came in. File names end in `.cedar`, so none is an index that JSON.stringify would move.
 */
export const digestOf = ({ schema, policies }: PolicySource, engine: string): string => {
  const sorted = Object.fromEntries(Object.entries(policies).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  return `sha256:${createHash('sha256')
    .update(JSON.stringify({ engine, policies: sorted, schema }))
    .digest('hex')}`
}
