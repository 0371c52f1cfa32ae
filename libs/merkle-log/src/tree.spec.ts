import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Appended, appendLeaves, rootFromFrontier } from './frontier.ts'
import { emptyRoot, leafHash } from './hash.ts'
import { consistencyProof, inclusionProof, rootFromTiles } from './proof.ts'
import { entryAt, leafHashesUpTo, path, proof, tile, treeHash } from './reference-tree.fixture.ts'
import { tilesOf } from './tile.ts'
import { verifyConsistency, verifyInclusion } from './verify-proof.ts'

const MAX = 600
const sizes = Array.from({ length: MAX + 1 }, (_, size) => size)
const sizeArb = fc.integer({ min: 1, max: MAX })
const refusedAs = (result: { ok: boolean }) => !result.ok

/** Sizes around the edges of tiles and of powers of two, where the shapes change. */
const edges = [1, 2, 3, 7, 8, 9, 127, 128, 129, 255, 256, 257, 383, 511, 512, 513, 600]

describe('appending leaves', () => {
  it('reaches the root of RFC 6962 for every size up to 600, one leaf at a time', () => {
    let tree: Pick<Appended, 'size' | 'frontier'> = { size: 0, frontier: Buffer.alloc(0) }
    for (const size of sizes.slice(1)) {
      const appended = appendLeaves(tree.frontier, tree.size, [leafHash(entryAt(size - 1))])
      expect(appended.root).toEqual(treeHash(0, size))
      expect(rootFromFrontier(appended.frontier, size)).toEqual(treeHash(0, size))
      tree = appended
    }
    expect(rootFromFrontier(new Uint8Array(0), 0)).toEqual(emptyRoot())
  })

  it('writes the same tiles and root however the leaves are cut into batches', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 }), (batches) => {
        const tiles = new Map<string, Buffer>()
        let tree: Omit<Appended, 'tiles'> = { size: 0, frontier: Buffer.alloc(0), root: emptyRoot() }
        for (const count of batches) {
          const leaves = leafHashesUpTo(tree.size + count).slice(tree.size)
          const appended = appendLeaves(tree.frontier, tree.size, leaves)
          for (const { level, index, from, hashes } of appended.tiles) {
            const before = tiles.get(`${level}/${index}`) ?? Buffer.alloc(0)
            expect(before.length).toBe(from * 32)
            tiles.set(`${level}/${index}`, Buffer.concat([before, hashes]))
          }
          tree = appended
        }
        expect(tree.root).toEqual(treeHash(0, tree.size))
        const expected = [...tilesOf(tree.size)]
        expect(tiles.size).toBe(expected.length)
        for (const { level, index, width } of expected) {
          expect(tiles.get(`${level}/${index}`)).toEqual(tile(level, index, width))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('refuses a frontier of another size and leaves that are no hashes', () => {
    const { frontier } = appendLeaves(new Uint8Array(0), 0, leafHashesUpTo(5))
    expect(() => appendLeaves(frontier, 7, [])).toThrow(RangeError)
    expect(() => rootFromFrontier(frontier, 4)).toThrow(RangeError)
    expect(() => appendLeaves(frontier, 5, [Buffer.alloc(31)])).toThrow(RangeError)
    expect(() => appendLeaves(frontier, -5, [])).toThrow(RangeError)
  })

  it('needs nothing but the frontier, also near the largest size', () => {
    const size = 2 ** 52 + 255
    const ones = size.toString(2).replaceAll('0', '').length
    const frontier = Buffer.alloc(32 * ones, 7)
    const { tiles } = appendLeaves(frontier, size, [Buffer.alloc(32, 1)])
    expect(tiles.map(({ level, index, from }) => ({ level, index, from }))).toEqual([
      { level: 0, index: 2 ** 44, from: 255 },
      { level: 1, index: 2 ** 36, from: 0 },
    ])
  })
})

describe('proofs from tiles', () => {
  it('are those of RFC 6962 and give the root back, around every edge', async () => {
    for (const size of edges) {
      expect(await rootFromTiles(tile, size)).toEqual(treeHash(0, size))
      for (const other of new Set([...edges.filter((edge) => edge <= size), Math.ceil(size / 3)])) {
        expect(await inclusionProof(tile, other - 1, size)).toEqual(path(other - 1, 0, size))
        expect(await consistencyProof(tile, other, size)).toEqual(proof(other, size))
      }
    }
  })

  it('are those of RFC 6962 for any index and size', async () => {
    await fc.assert(
      fc.asyncProperty(sizeArb, fc.nat(), async (size, pick) => {
        const index = pick % size
        expect(await inclusionProof(tile, index, size)).toEqual(path(index, 0, size))
        expect(await consistencyProof(tile, index + 1, size)).toEqual(proof(index + 1, size))
      }),
      { numRuns: 300 },
    )
  })

  it('read each tile once, in the width it has in that tree, and take a wider one', async () => {
    const read: string[] = []
    const reader = (level: number, index: number, width: number) => {
      read.push(`${level}/${index}.${width}`)
      return Promise.resolve(level === 0 ? tile(0, index, 256) : tile(1, index, 2))
    }
    expect(await inclusionProof(reader, 259, 515)).toEqual(path(259, 0, 515))
    expect(read.toSorted()).toEqual(['0/1.256', '0/2.3', '1/0.2'])
  })

  it('are not made from a tile that is too short', async () => {
    await expect(inclusionProof(() => Buffer.alloc(32), 0, 3)).rejects.toThrow('tile 0/0 is shorter than 3 hashes')
  })

  it('exist only inside the tree', () => {
    expect(() => inclusionProof(tile, 3, 3)).toThrow(RangeError)
    expect(() => consistencyProof(tile, 0, 3)).toThrow(RangeError)
    expect(() => consistencyProof(tile, 4, 3)).toThrow(RangeError)
  })
})

describe('verifying', () => {
  it('accepts the proof of every leaf in every tree up to 600 leaves', () => {
    let accepted = 0
    for (const size of sizes) {
      const root = treeHash(0, size)
      for (let index = 0; index < size; index += 1) {
        const claim = { index, size, leafHash: treeHash(index, index + 1), root, proof: path(index, 0, size) }
        if (verifyInclusion(claim).ok) accepted += 1
      }
    }
    expect(accepted).toBe((MAX * (MAX + 1)) / 2)
  })

  it('accepts the proof between every two sizes up to 600', () => {
    let accepted = 0
    for (const to of sizes) {
      for (let from = 1; from <= to; from += 1) {
        const claim = { from, fromRoot: treeHash(0, from), to, toRoot: treeHash(0, to), proof: proof(from, to) }
        if (verifyConsistency(claim).ok) accepted += 1
      }
    }
    expect(accepted).toBe((MAX * (MAX + 1)) / 2)
  })

  it('refuses every change of one byte of leaf, root or any hash of the proof', () => {
    fc.assert(
      fc.property(sizeArb, fc.nat(), fc.integer({ min: 1, max: 255 }), (size, pick, mask) => {
        const index = pick % size
        const hashes = [treeHash(index, index + 1), treeHash(0, size), ...path(index, 0, size)]
        for (let at = 0; at < hashes.length * 32; at += 1) {
          const [leaf, root, ...steps] = changed(hashes, at, mask)
          expect(verifyInclusion({ index, size, leafHash: leaf!, root: root!, proof: steps }).ok).toBe(false)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('refuses every change of one byte of either root or any hash of a consistency proof', () => {
    fc.assert(
      fc.property(sizeArb, fc.nat(), fc.integer({ min: 1, max: 255 }), (to, pick, mask) => {
        const from = 1 + (pick % to)
        const hashes = [treeHash(0, from), treeHash(0, to), ...proof(from, to)]
        for (let at = 0; at < hashes.length * 32; at += 1) {
          const [fromRoot, toRoot, ...steps] = changed(hashes, at, mask)
          expect(verifyConsistency({ from, fromRoot: fromRoot!, to, toRoot: toRoot!, proof: steps }).ok).toBe(false)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('refuses a proof with a hash too many, too few or out of order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: MAX }), fc.nat(), (size, pick) => {
        const index = pick % size
        const claim = { index, size, leafHash: treeHash(index, index + 1), root: treeHash(0, size) }
        const steps = path(index, 0, size)
        expect(refusedAs(verifyInclusion({ ...claim, proof: steps.slice(1) }))).toBe(true)
        expect(refusedAs(verifyInclusion({ ...claim, proof: steps.slice(0, -1) }))).toBe(true)
        expect(refusedAs(verifyInclusion({ ...claim, proof: [...steps, treeHash(0, 1)] }))).toBe(true)
        expect(refusedAs(verifyInclusion({ ...claim, index: (index + 1) % size, proof: steps }))).toBe(true)
        if (steps.length > 1) expect(refusedAs(verifyInclusion({ ...claim, proof: steps.toReversed() }))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    [{ index: 0, size: 2 ** 53 }, 'size_out_of_range'],
    [{ index: 0, size: 1.5 }, 'size_out_of_range'],
    [{ index: 0, size: -1 }, 'size_out_of_range'],
    [{ index: 1, size: 1 }, 'index_out_of_range'],
    [{ index: -1, size: 1 }, 'index_out_of_range'],
    [{ leafHash: Buffer.alloc(0) }, 'hash_length'],
    [{ root: Buffer.alloc(33) }, 'hash_length'],
    [{ proof: [Buffer.alloc(0)] }, 'hash_length'],
    [{ proof: [Buffer.alloc(32)] }, 'proof_length'],
    [{ root: Buffer.alloc(32) }, 'root_mismatch'],
  ])('refuses the inclusion claim %j as %s', (change, code) => {
    const claim = { index: 0, size: 1, leafHash: treeHash(0, 1), root: treeHash(0, 1), proof: [] }
    expect(verifyInclusion({ ...claim, ...change })).toEqual({ ok: false, code })
  })

  it.each([
    [{ from: 0, fromRoot: emptyRoot(), proof: [] }, 'size_out_of_range'],
    [{ from: 4 }, 'size_out_of_range'],
    [{ to: 2 ** 53 }, 'size_out_of_range'],
    [{ fromRoot: Buffer.alloc(0) }, 'hash_length'],
    [{ proof: [] }, 'proof_length'],
    [{ from: 3, fromRoot: treeHash(0, 3) }, 'proof_length'],
    [{ from: 3, proof: [] }, 'root_mismatch'],
    [{ toRoot: treeHash(0, 4) }, 'root_mismatch'],
  ])('refuses the consistency claim %j as %s', (change, code) => {
    const claim = { from: 2, fromRoot: treeHash(0, 2), to: 3, toRoot: treeHash(0, 3), proof: proof(2, 3) }
    expect(verifyConsistency(claim)).toEqual({ ok: true })
    expect(verifyConsistency({ ...claim, ...change })).toEqual({ ok: false, code })
  })
})

const changed = (hashes: readonly Buffer[], at: number, mask: number): Buffer[] => {
  const bytes = Buffer.concat(hashes)
  bytes[at]! ^= mask
  return hashes.map((_, n) => bytes.subarray(32 * n, 32 * n + 32))
}
