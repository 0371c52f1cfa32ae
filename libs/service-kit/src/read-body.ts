import { findSecret, type JsonLimits, parseStrictJson } from '@countersign/redaction'
import type { ProblemSource } from './problem-details.ts'

/** A body as the controllers get it, or why it is refused. */
export type ReadBody = { readonly value: unknown } | { readonly refused: ProblemSource }

const plainSegment = /^([A-Za-z][A-Za-z_]{0,31}|\d{1,4})$/

/**
 * A pointer into a body whose keys nothing has checked yet: array positions and plain words stay, any other key could be a
 * secret and becomes `*`.
 */
const quotable = (pointer: string): string =>
  pointer
    .split('/')
    .map((segment, index) =>
      index === 0 || (plainSegment.test(segment) && findSecret(segment) === undefined) ? segment : '*',
    )
    .join('/')

/** One JSON object from the bytes of a body, read strictly. */
export const readJsonBody = (bytes: Buffer, limits: Partial<JsonLimits>): ReadBody => {
  const read = parseStrictJson(bytes, limits)
  if (read.ok) return { value: read.value }
  const pointer = read.pointer === undefined ? {} : { pointer: quotable(read.pointer) }
  return { refused: { code: read.code, ...pointer } }
}
