import { closed, IsoTime } from '@countersign/contracts'
import type { Direction } from '@countersign/lineage-graph'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'

const Continued = closed({
  v: Type.Literal(1),
  direction: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('both')]),
  depth: Type.Integer({ minimum: 0, maximum: 20 }),
  skip: Type.Integer({ minimum: 1, maximum: 20_000 }),
  asOf: IsoTime,
})
const fits = Compile(Continued)

/** A walk that goes on where an answer was cut, over the graph as it was at the first answer. */
export type ContinuedWalk = {
  readonly direction: Direction
  readonly depth: number
  readonly skip: number
  readonly asOf: string
}

/** Cursor of a cut answer; opaque to callers. */
export const walkCursor = (walk: ContinuedWalk): string =>
  Buffer.from(JSON.stringify({ v: 1, ...walk })).toString('base64url')

/** Reads a cursor back; undefined for anything that is none. */
export const readWalkCursor = (cursor: string): ContinuedWalk | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (!fits.Check(value)) return undefined
    const { direction, depth, skip, asOf } = value
    return { direction, depth, skip, asOf }
  } catch {
    return undefined
  }
}
