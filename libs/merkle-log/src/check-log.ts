import { appendLeaves } from './frontier.ts'
import { emptyRoot, HASH_BYTES, hashAt, sameBytes } from './hash.ts'
import { type ReadTile, TileTooShort } from './proof.ts'
import { TILE_WIDTH, tileWidth } from './tile.ts'

/**
 * One thing that is not as the leaves make it.
 * `position` is the first hash of the tile that differs, `firstLeaf` the first leaf below it. A tile that cannot be
 * read or is too short is `tile_missing`. `head_beyond_log`: somebody saw a larger log than the leaves make. `head` is
 * the known head as it was given.
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
  | { readonly code: 'root_differs' | 'head_beyond_log'; readonly head: KnownHead }

/** Size and root of the log at some time, as known from elsewhere, such as a checkpoint. */
export interface KnownHead {
  readonly size: number
  readonly root: Uint8Array
}

export interface LogCheck {
  /** How many leaves there were. */
  readonly size: number
  readonly root: Buffer
  /** Right edge of the tree, as `appendLeaves` gives it. */
  readonly frontier: Buffer
  readonly findings: readonly LogFinding[]
}

export interface CheckedLog {
  /** Leaf hashes in log order, however many there are. */
  readonly leafHashes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** The tiles under test; `undefined` when one is not there. */
  readonly readTile: (level: number, index: number, width: number) => MaybePromise<Uint8Array | undefined>
  /** Heads to hold the leaves against, in any order; without any only the tiles are compared. */
  readonly heads?: readonly KnownHead[]
}

type MaybePromise<T> = T | Promise<T>

interface OpenTile {
  readonly index: number
  readonly hashes: Buffer[]
}

/**
 * Recomputes every tile, full and partial, and every known root from the leaves alone, and names each that differs.
 * Leaves are streamed: what is held at a time is one tile per level.
 */
export const checkLog = async ({ leafHashes, readTile, heads = [] }: CheckedLog): Promise<LogCheck> => {
  const findings: LogFinding[] = []
  const open = new Map<number, OpenTile>()
  const pending = heads.toSorted((a, b) => a.size - b.size)
  let tree = { size: 0, frontier: Buffer.alloc(0) as Buffer, root: emptyRoot() }

  const close = async (level: number): Promise<void> => {
    const tile = open.get(level)
    if (tile === undefined) return
    open.delete(level)
    const expected = Buffer.concat(tile.hashes)
    const stored = await readTile(level, tile.index, expected.length / HASH_BYTES)
    findings.push(...differences(level, tile.index, { expected, stored }))
  }
  const passHeads = (): void => {
    for (let head = pending[0]; head?.size === tree.size; head = pending[0]) {
      if (!sameBytes(head.root, tree.root)) findings.push({ code: 'root_differs', head })
      pending.shift()
    }
  }
  const add = async (leaves: readonly Uint8Array[]): Promise<void> => {
    const { tiles, ...grown } = appendLeaves(tree.frontier, tree.size, leaves)
    tree = grown
    for (const { level, index, hashes } of tiles) {
      if (open.get(level)?.index !== index) await close(level)
      const tile = open.get(level) ?? { index, hashes: [] }
      tile.hashes.push(hashes)
      open.set(level, tile)
    }
    passHeads()
  }

  passHeads()
  let leaves: Uint8Array[] = []
  for await (const leaf of leafHashes) {
    leaves.push(leaf)
    // A batch ends where a head is known, so that its root comes out on the way.
    if (leaves.length < TILE_WIDTH && tree.size + leaves.length !== pending[0]?.size) continue
    await add(leaves)
    leaves = []
  }
  await add(leaves)
  for (const level of [...open.keys()].sort((a, b) => a - b)) await close(level)
  findings.push(...pending.map((head) => ({ code: 'head_beyond_log' as const, head })))
  return { ...tree, findings }
}

/**
 * Leaf hashes of a log from its own level 0 tiles: lets `checkLog` hold the upper tiles and the root of a log against
 * the lowest level where the entries are not at hand. Throws `TileTooShort` for a tile that is not all there.
 */
export async function* leafHashesOf(readTile: ReadTile, size: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    const width = tileWidth(0, index, size)
    const hashes = await readTile(0, index, width)
    if (hashes.length < width * HASH_BYTES) throw new TileTooShort(0, index, width)
    for (let position = 0; position < width; position += 1) yield hashAt(hashes, position)
  }
}

const differences = (
  level: number,
  index: number,
  { expected, stored }: { expected: Buffer; stored: Uint8Array | undefined },
): LogFinding[] => {
  const leafAt = (position: number): number => (index * TILE_WIDTH + position) * TILE_WIDTH ** level
  if (stored === undefined || stored.length < expected.length) {
    return [{ code: 'tile_missing', level, index, firstLeaf: leafAt(0) }]
  }
  for (let position = 0; position * HASH_BYTES < expected.length; position += 1) {
    if (sameBytes(hashAt(expected, position), hashAt(stored, position))) continue
    return [{ code: 'tile_differs', level, index, position, firstLeaf: leafAt(position) }]
  }
  return []
}
