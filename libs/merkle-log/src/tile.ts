import { isCount } from './hash.ts'

/** Hashes in a full tile. */
export const TILE_WIDTH = 256
/** Tree levels between a tile and the one above it: 2^8 = 256. */
export const TILE_HEIGHT = 8

/** One resource of the tlog-tiles API: a tile of hashes, or the bundle of entries under a level 0 tile. */
export interface TileCoordinates {
  /** 0 to 63; `entries` for a bundle of log entries. */
  readonly level: number | 'entries'
  /** Position within the level. */
  readonly index: number
  /** 1 to 255 for a partial tile, 256 for a full one. */
  readonly width: number
}

const MAX_LEVEL = 63
const pathPattern = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/**
 * Path of a tile below the log's prefix, such as `tile/0/x001/x234/067.p/8` (c2sp.org/tlog-tiles).
 * @throws RangeError for coordinates that no tile has
 */
export const tilePath = ({ level, index, width }: TileCoordinates): string => {
  if (level !== 'entries' && !(isCount(level) && level <= MAX_LEVEL)) throw new RangeError('a tile level is 0 to 63')
  if (!isCount(index)) throw new RangeError('a tile index is an integer below 2^53')
  if (!isCount(width) || width < 1 || width > TILE_WIDTH) throw new RangeError('a tile is 1 to 256 hashes wide')
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  const number = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
  return `tile/${level}/${number}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** The tile that a path names, or `undefined` when it is not the one spelling of a tile. */
export const parseTilePath = (path: string): TileCoordinates | undefined => {
  const match = pathPattern.exec(path)
  if (match === null) return undefined
  const [, level, number, width] = match
  const coordinates = {
    level: level === 'entries' ? ('entries' as const) : Number(level),
    index: Number(number?.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  if (!isCount(coordinates.index) || (width !== undefined && coordinates.width >= TILE_WIDTH)) return undefined
  if (coordinates.level !== 'entries' && coordinates.level > MAX_LEVEL) return undefined
  return tilePath(coordinates) === path ? coordinates : undefined
}

/** How many hashes tile `index` of `level` has in a tree of `size` leaves: 0 (no such tile) to 256. */
export const tileWidth = (level: number, index: number, size: number): number =>
  Math.max(0, Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH))

/** Every tile of a tree of `size` leaves, lower levels first, left to right. */
export function* tilesOf(size: number): Generator<{ level: number; index: number; width: number }> {
  for (let level = 0; size >= TILE_WIDTH ** level; level += 1) {
    for (let index = 0; ; index += 1) {
      const width = tileWidth(level, index, size)
      if (width > 0) yield { level, index, width }
      if (width < TILE_WIDTH) break
    }
  }
}
