import { createHash } from 'node:crypto'
import type { DeliveredRecord } from '../bus.ts'

/** An index of PostgreSQL takes 2,704 bytes, and a lane is not alone in its. */
const longestKey = 1_024

/** What stops together: a key, by its hash when it is very long, or a record without one by itself. */
export const laneOf = ({ key, position }: DeliveredRecord): string => {
  if (key === null) return `p:${position}`
  if (Buffer.byteLength(key) <= longestKey) return `k:${key}`
  return `h:${createHash('sha256').update(key).digest('hex')}`
}

/** `laneOf` for a column of keys, in SQL. */
export const laneOfColumn = (key: string): string =>
  `CASE WHEN octet_length(${key}) <= ${longestKey} THEN 'k:' || ${key}
     ELSE 'h:' || encode(sha256(convert_to(${key}, 'UTF8')), 'hex') END`
