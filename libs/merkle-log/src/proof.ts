import { foldSubtrees } from './frontier.ts'
import { HASH_BYTES, hashAt, isCount, nodeHash } from './hash.ts'
import { TILE_HEIGHT, TILE_WIDTH, tileWidth } from './tile.ts'

/**
 * Reads a tile of hashes.
 *
 * `width` is what the tile has in the tree the proof is for. The answer holds at least `width * 32` bytes; it may hold
 * more, since a wider tile starts with the same hashes. A shorter answer rejects the proof with `TileTooShort`.
 * Tiles of one proof are read at the same time.
 */
export type ReadTile = (level: number, index: number, width: number) => Uint8Array | Promise<Uint8Array>

/** A tile has fewer hashes than the tree needs: what was read is not this tree. */
export class TileTooShort extends Error {
  readonly level: number
  readonly index: number

  constructor(level: number, index: number, width: number) {
    super(`tile ${level}/${index} is shorter than ${width} hashes`)
    this.name = 'TileTooShort'
    this.level = level
    this.index = index
  }
}

interface Range {
  readonly start: number
  readonly end: number
}

/**
 * Inclusion proof of one leaf: the siblings on its way to the root, the leaf's own first (RFC 6962 §2.1.1).
 * @throws RangeError unless `0 <= index < size < 2^53`
 */
export const inclusionProof = (readTile: ReadTile, index: number, size: number): Promise<Buffer[]> => {
  if (!isCount(index) || !isCount(size) || index >= size) throw new RangeError('the index is outside the tree')
  return hashesOf(readTile, siblings(index, { start: 0, end: size }), size)
}

/**
 * Consistency proof between two sizes of one log (RFC 6962 §2.1.2); empty when they are equal.
 * @throws RangeError unless `0 < from <= to < 2^53`
 */
export const consistencyProof = (readTile: ReadTile, from: number, to: number): Promise<Buffer[]> => {
  if (!isCount(from) || !isCount(to) || from < 1 || from > to) throw new RangeError('sizes are 1 or more, in order')
  return hashesOf(readTile, differences(from, { start: 0, end: to }), to)
}

/** Root of the first `size` leaves, read from the tiles of a tree that has at least that many. */
export const rootFromTiles = async (readTile: ReadTile, size: number): Promise<Buffer> => {
  if (!isCount(size)) throw new RangeError('a tree size is an integer between 0 and 2^53 - 1')
  if (size === 0) return foldSubtrees([])
  const [root] = await hashesOf(readTile, [{ start: 0, end: size }], size)
  if (root === undefined) throw new Error('no root was computed')
  return root
}

const siblings = (index: number, { start, end }: Range): Range[] => {
  if (end - start === 1) return []
  const middle = start + largestPowerBelow(end - start)
  return index < middle
    ? [...siblings(index, { start, end: middle }), { start: middle, end }]
    : [...siblings(index, { start: middle, end }), { start, end: middle }]
}

const differences = (from: number, { start, end }: Range): Range[] => {
  // A left edge that the verifier already holds as its old root is not repeated.
  if (from === end) return start === 0 ? [] : [{ start, end }]
  const middle = start + largestPowerBelow(end - start)
  return from <= middle
    ? [...differences(from, { start, end: middle }), { start: middle, end }]
    : [...differences(from, { start: middle, end }), { start, end: middle }]
}

const largestPowerBelow = (count: number): number => {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

const hashesOf = async (readTile: ReadTile, ranges: readonly Range[], size: number): Promise<Buffer[]> => {
  const readOnce = onceEach(readTile, size)
  const subtrees = await Promise.all(ranges.map((range) => Promise.all(perfectSubtrees(range).map(readOnce))))
  return subtrees.map(foldSubtrees)
}

/** Heights and starts of the perfect subtrees that a range splits into; its start is a multiple of the first. */
const perfectSubtrees = ({ start, end }: Range): { start: number; height: number }[] => {
  const subtrees: { start: number; height: number }[] = []
  let at = start
  while (at < end) {
    const count = largestPowerBelow(end - at + 1)
    subtrees.push({ start: at, height: Math.log2(count) })
    at += count
  }
  return subtrees
}

const onceEach = (readTile: ReadTile, size: number) => {
  const tiles = new Map<string, Promise<Uint8Array>>()
  const tile = (level: number, index: number): Promise<Uint8Array> => {
    const key = `${level}/${index}`
    const known = tiles.get(key)
    if (known !== undefined) return known
    const reading = readWhole(readTile, { level, index, width: tileWidth(level, index, size) })
    tiles.set(key, reading)
    return reading
  }
  return async ({ start, height }: { start: number; height: number }): Promise<Buffer> => {
    const level = Math.floor(height / TILE_HEIGHT)
    const position = start / TILE_WIDTH ** level
    const hashes = await tile(level, Math.floor(position / TILE_WIDTH))
    return foldPerfect(hashes, position % TILE_WIDTH, 2 ** (height % TILE_HEIGHT))
  }
}

const readWhole = async (
  readTile: ReadTile,
  { level, index, width }: { level: number; index: number; width: number },
): Promise<Uint8Array> => {
  const hashes = await readTile(level, index, width)
  if (hashes.length < width * HASH_BYTES) throw new TileTooShort(level, index, width)
  return hashes
}

const foldPerfect = (hashes: Uint8Array, first: number, count: number): Buffer => {
  let row = Array.from({ length: count }, (_, at) => hashAt(hashes, first + at))
  while (row.length > 1) {
    const children = row
    row = children.flatMap((left, at) => (at % 2 === 0 ? [nodeHash(left, children[at + 1] ?? left)] : []))
  }
  return foldSubtrees(row)
}
