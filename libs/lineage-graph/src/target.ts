import type { NodeRef } from './node.ts'

const bothEnds = /^(\S.*?) +(?:->|→) +(\S.*)$/u
const reading = new Set([
  'browse',
  'copy',
  'describe',
  'download',
  'dump',
  'export',
  'fetch',
  'get',
  'head',
  'list',
  'peek',
  'query',
  'read',
  'scan',
  'search',
  'select',
  'share',
  'snapshot',
  'view',
])

/** The data an action takes from and the data it puts into, as far as its clear fields show. */
export type DataEnds = { readonly reads?: NodeRef; readonly writes?: NodeRef }

/** Last word of an action's name: `export` of `data.export`, `get` of `s3.get-object`. */
export const verbOf = (action: string): string => action.slice(action.lastIndexOf('.') + 1)

/**
 * Reads both ends of a move out of action, target and environment; parameters stay sealed and are never looked at.
 * `customers -> s3://partner-eu` names source and destination; of any other target the action's verb says whether data
 * is taken from it. A dataset is known by environment and name: `orders` of staging is not `orders` of production.
 */
export const dataEnds = (
  tenantId: string,
  fields: { readonly action: string; readonly target: string; readonly environment: string },
): DataEnds => {
  const dataset = (name: string): NodeRef => ({ tenantId, kind: 'dataset', key: `${fields.environment}/${name}` })
  const ends = bothEnds.exec(fields.target)
  if (ends?.[1] !== undefined && ends[2] !== undefined) return { reads: dataset(ends[1]), writes: dataset(ends[2]) }
  const [verb = ''] = verbOf(fields.action).split(/[-_]/u)
  return reading.has(verb) ? { reads: dataset(fields.target) } : { writes: dataset(fields.target) }
}
