import { describe, expect, it } from 'vitest'
import { checkLog, leafHashesOf } from './check-log.ts'
import { rootFromFrontier } from './frontier.ts'
import { leafHashesUpTo, tile, treeHash } from './reference-tree.fixture.ts'
import { tilesOf } from './tile.ts'

const SIZE = 700
const stored = () => new Map([...tilesOf(SIZE)].map((t) => [`${t.level}/${t.index}`, tile(t.level, t.index, t.width)]))
const reader = (tiles: Map<string, Buffer>) => (level: number, index: number) => tiles.get(`${level}/${index}`)
const check = (tiles: Map<string, Buffer>, leafHashes = leafHashesUpTo(SIZE), root = treeHash(0, SIZE)) =>
  checkLog({ leafHashes, readTile: reader(tiles), heads: [{ size: SIZE, root }] })

describe('checking a whole log', () => {
  it('finds nothing in a sound one, of any size', async () => {
    expect(await check(stored())).toMatchObject({ size: SIZE, root: treeHash(0, SIZE), findings: [] })
    for (const size of [0, 1, 255, 256, 257, 512]) {
      const outcome = await checkLog({
        leafHashes: leafHashesUpTo(size),
        readTile: tile,
        heads: [{ size, root: treeHash(0, size) }],
      })
      expect(outcome).toMatchObject({ size, root: treeHash(0, size), findings: [] })
      expect(rootFromFrontier(outcome.frontier, size)).toEqual(treeHash(0, size))
    }
  })

  it('names the tile and the first hash that differs, in every tile, full or partial', async () => {
    for (const { level, index, width } of tilesOf(SIZE)) {
      for (const position of [0, width - 1]) {
        const tiles = stored()
        tiles.get(`${level}/${index}`)![position * 32 + 31]! ^= 1
        const { findings } = await check(tiles)
        const firstLeaf = (index * 256 + position) * 256 ** level
        expect(findings).toEqual([{ code: 'tile_differs', level, index, position, firstLeaf }])
      }
    }
  })

  it('names a tile that is missing or too short', async () => {
    const tiles = stored()
    tiles.delete('1/0')
    tiles.set('0/2', tile(0, 2, 187))
    expect((await check(tiles)).findings).toEqual([
      { code: 'tile_missing', level: 0, index: 2, firstLeaf: 512 },
      { code: 'tile_missing', level: 1, index: 0, firstLeaf: 0 },
    ])
  })

  it('names the leaf that was changed, every tile above it and the root', async () => {
    const leaves = leafHashesUpTo(SIZE)
    leaves[300] = Buffer.alloc(32)
    expect((await check(stored(), leaves)).findings).toEqual([
      { code: 'tile_differs', level: 0, index: 1, position: 44, firstLeaf: 300 },
      { code: 'root_differs', head: { size: SIZE, root: treeHash(0, SIZE) } },
      { code: 'tile_differs', level: 1, index: 0, position: 1, firstLeaf: 256 },
    ])
  })

  it('notices leaves that were cut off', async () => {
    const { size, findings } = await check(stored(), leafHashesUpTo(SIZE - 1))
    expect({ size, findings }).toEqual({
      size: SIZE - 1,
      findings: [{ code: 'head_beyond_log', head: { size: SIZE, root: treeHash(0, SIZE) } }],
    })
  })

  it('holds the leaves against every head that is known, whatever its size', async () => {
    const leafHashes = leafHashesUpTo(SIZE)
    const heads = [0, 1, 3, 256, 300, 300, 699, 700].map((size) => ({ size, root: treeHash(0, size) })).toReversed()
    expect((await checkLog({ leafHashes, readTile: tile, heads })).findings).toEqual([])
    const forged = [...heads, { size: 0, root: treeHash(0, 1) }, { size: 300, root: treeHash(0, 1) }]
    expect((await checkLog({ leafHashes, readTile: tile, heads: forged })).findings).toEqual([
      { code: 'root_differs', head: { size: 0, root: treeHash(0, 1) } },
      { code: 'root_differs', head: { size: 300, root: treeHash(0, 1) } },
    ])
  })

  it('holds upper tiles and root against the lowest level where entries are not at hand', async () => {
    const tiles = stored()
    const leafHashes = leafHashesOf(tile, SIZE)
    tiles.get('1/0')![0]! ^= 1
    const { findings } = await checkLog({ leafHashes, readTile: reader(tiles) })
    expect(findings).toEqual([{ code: 'tile_differs', level: 1, index: 0, position: 0, firstLeaf: 0 }])
  })

  it('takes no leaf from a tile that is not all there', async () => {
    const leafHashes = leafHashesOf(() => Buffer.alloc(31), 1)
    await expect(checkLog({ leafHashes, readTile: tile })).rejects.toThrow('shorter')
  })
})
