import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from './checkpoint.ts'
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts'
import { appendLeaves } from './frontier.ts'
import { leafHash } from './hash.ts'
import { parseVerifierKey } from './note-key.ts'
import { consistencyProof, inclusionProof } from './proof.ts'
import { tilePath } from './tile.ts'
import { verifyConsistency, verifyInclusion } from './verify-proof.ts'

const fixture = (path: string): Buffer => readFileSync(new URL(`fixtures/${path}`, import.meta.url))
const vectors = <T>(file: string): [string, T][] =>
  Object.entries(JSON.parse(fixture(file).toString()) as Record<string, T>)
const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')

interface InclusionVector {
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}

interface ConsistencyVector {
  size1: number
  size2: number
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

describe('transparency-dev/merkle', () => {
  it.each(vectors<InclusionVector>('transparency-dev-inclusion.json'))('inclusion %s', (_, vector) => {
    const { leafIdx, treeSize, root, leafHash: leaf, proof, wantErr } = vector
    const claim = { index: leafIdx, size: treeSize, leafHash: bytes(leaf), root: bytes(root) }
    expect(verifyInclusion({ ...claim, proof: (proof ?? []).map(bytes) }).ok).toBe(!wantErr)
  })

  it.each(vectors<ConsistencyVector>('transparency-dev-consistency.json'))('consistency %s', (_, vector) => {
    const { size1, size2, root1, root2, proof, wantErr } = vector
    const claim = { from: size1, fromRoot: bytes(root1), to: size2, toRoot: bytes(root2) }
    // One vector gives a 12-byte text as the root of both trees; a root here is a SHA-256, so it is refused.
    const isHash = bytes(root1).length === 32
    expect(verifyConsistency({ ...claim, proof: (proof ?? []).map(bytes) }).ok).toBe(!wantErr && isHash)
  })
})

describe('the Tessera reference log', () => {
  const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'
  const key = parseVerifierKey(vkey)
  const verifiers = key.ok ? [key.verifier] : []
  const log = { origin: 'example.com/log/testdata', verifiers }
  const sizes = Array.from({ length: 15 }, (_, at) => at + 1)
  const checkpoint = (size: number) => {
    const opened = openCheckpoint(fixture(`tessera-log/checkpoint.${size}`), log)
    if (!opened.ok) throw new Error(opened.code)
    return opened.checkpoint
  }
  const published = (level: number | 'entries', width: number): Buffer =>
    fixture(`tessera-log/${tilePath({ level, index: 0, width })}`)
  const entries = decodeEntryBundle(published('entries', 15)) ?? []

  it('signs all its 16 checkpoints', () => {
    expect(checkpoint(0).size).toBe(0)
    expect(openCheckpoint(fixture('tessera-log/checkpoint'), log)).toMatchObject({ ok: true, checkpoint: { size: 15 } })
    expect(sizes.map((size) => checkpoint(size).size)).toEqual(sizes)
  })

  it.each(sizes)('has our root, tile and entry bundle at size %i', (size) => {
    const { root, tiles } = appendLeaves(new Uint8Array(0), 0, entries.slice(0, size).map(leafHash))
    expect(root).toEqual(checkpoint(size).root)
    expect(tiles).toEqual([{ level: 0, index: 0, from: 0, hashes: published(0, size) }])
    expect(encodeEntryBundle(entries.slice(0, size))).toEqual(published('entries', size))
  })

  it('proves every entry and every growth from its own tiles', async () => {
    const readTile = (_level: number, _index: number, width: number) => published(0, width)
    for (const size of sizes) {
      for (const earlier of sizes.slice(0, size)) {
        const index = earlier - 1
        const { root } = checkpoint(size)
        const leaf = { index, size, leafHash: leafHash(entries[index] ?? Buffer.alloc(0)), root }
        expect(verifyInclusion({ ...leaf, proof: await inclusionProof(readTile, index, size) })).toEqual({ ok: true })
        const growth = { from: earlier, fromRoot: checkpoint(earlier).root, to: size, toRoot: root }
        const proof = await consistencyProof(readTile, earlier, size)
        expect(verifyConsistency({ ...growth, proof })).toEqual({ ok: true })
      }
    }
  })
})
