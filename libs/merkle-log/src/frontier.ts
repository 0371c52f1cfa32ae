import { emptyRoot, HASH_BYTES, hashAt, isCount, nodeHash } from './hash.ts'
import { TILE_HEIGHT, TILE_WIDTH } from './tile.ts'

/** Hashes to write at position `from` of tile `index` of `level`; the tile holds exactly `from` hashes before. */
export interface TileAppend {
  readonly level: number
  readonly index: number
  readonly from: number
  /** `n * 32` bytes, n between 1 and 256 - from. */
  readonly hashes: Buffer
}

export interface Appended {
  readonly size: number
  readonly frontier: Buffer
  readonly root: Buffer
  /** Lower levels first, left to right. */
  readonly tiles: readonly TileAppend[]
}

/**
 * Adds leaves at the right edge of a tree.
 *
 * The frontier is the list of roots of the perfect subtrees that make up a tree of `size` leaves, left to right, 32
 * bytes each, at most 53 of them: one per 1 bit of the size. It is all the state an append needs: every hash that goes
 * into a tile above the leaves is the root of a perfect subtree and passes through here when that subtree closes. So
 * no tile is read, and the work is one or two hashes per leaf, whatever the size.
 *
 * @param leafHashes 32-byte leaf hashes in log order
 * @throws RangeError when frontier and size do not belong together or a leaf hash has another length
 */
export const appendLeaves = (frontier: Uint8Array, size: number, leafHashes: readonly Uint8Array[]): Appended => {
  const edge = subtreesOf(frontier, size)
  if (!isCount(size + leafHashes.length)) throw new RangeError('a tree has less than 2^53 leaves')
  const writer = tileWriter()
  let next = size
  for (const leaf of leafHashes) {
    if (leaf.length !== HASH_BYTES) throw new RangeError('a leaf hash is 32 bytes')
    let node = leaf
    let position = next
    let height = 0
    writer.add(0, position, node)
    while (position % 2 === 1) {
      node = nodeHash(popped(edge), node)
      position = (position - 1) / 2
      height += 1
      if (height % TILE_HEIGHT === 0) writer.add(height / TILE_HEIGHT, position, node)
    }
    edge.push(node)
    next += 1
  }
  return { size: next, frontier: Buffer.concat(edge), root: foldSubtrees(edge), tiles: writer.tiles() }
}

/**
 * Root of the tree whose right edge is given (see `appendLeaves`).
 * @throws RangeError when frontier and size do not belong together
 */
export const rootFromFrontier = (frontier: Uint8Array, size: number): Buffer => foldSubtrees(subtreesOf(frontier, size))

/** Root over adjacent perfect subtrees of falling height, left to right. */
export const foldSubtrees = (subtrees: readonly Uint8Array[]): Buffer => {
  const last = subtrees.at(-1)
  if (last === undefined) return emptyRoot()
  return Buffer.from(subtrees.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last))
}

const subtreesOf = (frontier: Uint8Array, size: number): Uint8Array[] => {
  if (!isCount(size)) throw new RangeError('a tree size is an integer between 0 and 2^53 - 1')
  if (frontier.length !== onesIn(size) * HASH_BYTES) throw new RangeError('the frontier belongs to another tree size')
  return Array.from({ length: frontier.length / HASH_BYTES }, (_, at) => hashAt(frontier, at))
}

const onesIn = (size: number): number => {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}

const popped = (edge: Uint8Array[]): Uint8Array => {
  const node = edge.pop()
  if (node === undefined) throw new RangeError('the frontier belongs to another tree size')
  return node
}

const tileWriter = () => {
  const levels: { index: number; from: number; hashes: Uint8Array[] }[][] = []
  return {
    add(level: number, position: number, node: Uint8Array): void {
      const runs = (levels[level] ??= [])
      const index = Math.floor(position / TILE_WIDTH)
      const open = runs.at(-1)
      if (open?.index === index) open.hashes.push(node)
      else runs.push({ index, from: position % TILE_WIDTH, hashes: [node] })
    },
    tiles: (): TileAppend[] =>
      levels.flatMap((runs, level) =>
        runs.map(({ index, from, hashes }) => ({ level, index, from, hashes: Buffer.concat(hashes) })),
      ),
  }
}
