import type pg from 'pg'
import type { ReadingRules } from './reader.ts'

/** What the read side works with. */
export type Reading = {
  readonly pool: pg.Pool
  readonly rules: ReadingRules
  /** Time after which a lineage answer is cut, in milliseconds. */
  readonly walkMs: number
}

export const READING = Symbol('reading')
