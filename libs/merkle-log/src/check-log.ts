import { appendLeaves } from './frontier.ts'
import { emptyRoot, HASH_BYTES, hashAt, sameBytes } from './hash.ts'
import type { ReadTile } from './proof.ts'
import { TILE_WIDTH, tileWidth } from './tile.ts'

/**
 * One thing that is not as the leaves make it. `position` is the first hash of the tile that differs, and below it
 * lies everything from leaf `firstLeaf` on; a tile that cannot be read or is too short is `tile_missing`.
 */
export type LogFinding =
  | {
      readonly code: 'tile_differs'
      readonly level: number
      readonly index: number
      readonly position: number
      readonly firstLeaf: number
    }
  | { readonly code: 'tile_missing'; readonly level: number; readonly index: number; readonly firstLeaf: number }
  | { readonly code: 'root_differs'; readonly size: number }

export interface LogCheck {
  /** How many leaves there were. */
  readonly size: number
  readonly root: Buffer
  readonly findings: readonly LogFinding[]
}

export interface CheckedLog {
  /** Leaf hashes in log order, however many there are. */
  readonly leafHashes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** The tiles under test; `undefined` when one is not there. */
  readonly readTile: (level: number, index: number, width: number) => MaybePromise<Uint8Array | undefined>
  /** Root that is known from elsewhere, such as a checkpoint; without it only the tiles are compared. */
  readonly root?: Uint8Array
}

type MaybePromise<T> = T | Promise<T>

/**
 * Recomputes every tile, full and partial, and the root from the leaves alone, and names each tile that differs.
 * Leaves are streamed: what is held at a time is one tile per level.
 */
export const checkLog = async ({ leafHashes, readTile, root }: CheckedLog): Promise<LogCheck> => {
  const findings: LogFinding[] = []
  const open = new Map<number, { index: number; hashes: Buffer[] }>()
  let size = 0
  let frontier: Uint8Array = new Uint8Array(0)
  let computed: Buffer = emptyRoot()

  const compare = async (level: number): Promise<void> => {
    const tile = open.get(level)
    if (tile === undefined) return
    open.delete(level)
    findings.push(
      ...differences(level, tile.index, {
        expected: Buffer.concat(tile.hashes),
        stored: await readTile(level, tile.index, widthOf(tile.hashes)),
      }),
    )
  }
  const add = async (leaves: readonly Uint8Array[]): Promise<void> => {
    const appended = appendLeaves(frontier, size, leaves)
    ;({ size, frontier, root: computed } = appended)
    for (const { level, index, hashes } of appended.tiles) {
      if (open.get(level)?.index !== index) await compare(level)
      const tile = open.get(level) ?? { index, hashes: [] }
      tile.hashes.push(hashes)
      open.set(level, tile)
    }
  }

  let leaves: Uint8Array[] = []
  for await (const leaf of leafHashes) {
    leaves.push(leaf)
    if (leaves.length === TILE_WIDTH) {
      await add(leaves)
      leaves = []
    }
  }
  await add(leaves)
  for (const level of [...open.keys()].sort((a, b) => a - b)) await compare(level)
  if (root !== undefined && !sameBytes(root, computed)) findings.push({ code: 'root_differs', size })
  return { size, root: computed, findings }
}

/**
 * Leaf hashes of a log from its own level 0 tiles: lets `checkLog` hold the upper tiles and the root of a log against
 * the lowest level where the entries are not at hand.
 */
export async function* leafHashesOf(readTile: ReadTile, size: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    const width = tileWidth(0, index, size)
    const hashes = await readTile(0, index, width)
    for (let position = 0; position < width; position += 1) yield hashAt(hashes, position)
  }
}

const widthOf = (hashes: readonly Buffer[]): number => hashes.reduce((sum, run) => sum + run.length, 0) / HASH_BYTES

const differences = (
  level: number,
  index: number,
  { expected, stored }: { expected: Buffer; stored: Uint8Array | undefined },
): LogFinding[] => {
  const width = expected.length / HASH_BYTES
  const leafAt = (position: number): number => (index * TILE_WIDTH + position) * TILE_WIDTH ** level
  if (stored === undefined || stored.length < expected.length) {
    return [{ code: 'tile_missing', level, index, firstLeaf: leafAt(0) }]
  }
  if (sameBytes(expected, stored.subarray(0, expected.length))) return []
  const position = Array.from({ length: width }, (_, at) => at).find(
    (at) => !sameBytes(hashAt(expected, at), hashAt(stored, at)),
  )
  return [{ code: 'tile_differs', level, index, position: position ?? 0, firstLeaf: leafAt(position ?? 0) }]
}
