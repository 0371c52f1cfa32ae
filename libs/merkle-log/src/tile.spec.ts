import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts'
import { parseTilePath, tilePath, tilesOf, tileWidth } from './tile.ts'

describe('tile paths', () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 63, index: 1000, width: 1 }, 'tile/63/x001/000.p/1'],
    [{ level: 'entries' as const, index: 273, width: 112 }, 'tile/entries/273.p/112'],
  ])('%j is %s', (coordinates, path) => {
    expect(tilePath(coordinates)).toBe(path)
    expect(parseTilePath(path)).toEqual(coordinates)
  })

  it.each([
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/-1/000',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/../000',
    'tile/0/x001',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/entries/000.p/999',
    'tile/0/000.p/1\n',
  ])('%j names no tile', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })

  it('are read back as they were written', () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const))
    const index = fc.oneof(fc.nat(), fc.maxSafeNat())
    fc.assert(
      fc.property(level, index, fc.integer({ min: 1, max: 256 }), (l, n, width) => {
        expect(parseTilePath(tilePath({ level: l, index: n, width }))).toEqual({ level: l, index: n, width })
      }),
    )
  })
})

describe('the tiles of a tree', () => {
  it('of 70,000 leaves are those of the specification', () => {
    const tiles = [...tilesOf(70_000)]
    expect(tiles.filter(({ level, width }) => level === 0 && width === 256)).toHaveLength(273)
    expect(tiles.filter(({ level, width }) => level > 0 || width < 256)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 0, width: 256 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ])
  })

  it('are never empty', () => {
    expect([...tilesOf(0)]).toEqual([])
    expect([...tilesOf(256)]).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ])
    expect(tileWidth(0, 1, 256)).toBe(0)
  })
})

describe('entry bundles', () => {
  it('are read back as they were written', () => {
    const entry = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 250, max: 65_535 }).map((n) => new Uint8Array(n)),
    )
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        const decoded = decodeEntryBundle(encodeEntryBundle(entries))
        expect(decoded?.map((e) => Buffer.from(e).toString('hex'))).toEqual(
          entries.map((e) => Buffer.from(e).toString('hex')),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('are refused when the last entry is cut short', () => {
    const bundle = encodeEntryBundle([Buffer.from('one'), Buffer.from('two')])
    for (const length of [1, 2, 3, 4, 6, 7, 9]) expect(decodeEntryBundle(bundle.subarray(0, length))).toBeUndefined()
  })

  it('cannot hold an entry above 65,535 bytes', () => {
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow(RangeError)
  })
})
