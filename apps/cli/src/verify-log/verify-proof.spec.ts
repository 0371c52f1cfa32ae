import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import {
  appendLeaves,
  consistencyProof,
  formatTlogProof,
  inclusionProof,
  leafHash,
  noteSigner,
  type ReadTile,
  signCheckpoint,
} from '@countersign/merkle-log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../run.ts'

const origin = 'countersign.test/log/1'
const { privateKey } = generateKeyPairSync('ed25519')
const signer = noteSigner(origin, privateKey)
const leaves = Array.from({ length: 300 }, (_, n) => Buffer.from(`leaf ${n}`))
const readTile: ReadTile = (level, index, width) => {
  const tiles = appendLeaves(Buffer.alloc(0), 0, leaves.map(leafHash)).tiles
  const tile = tiles.find((one) => one.level === level && one.index === index)
  return Promise.resolve((tile?.hashes ?? Buffer.alloc(0)).subarray(0, width * 32))
}
const headOf = (size: number, all: readonly Buffer[] = leaves) => {
  const { root } = appendLeaves(Buffer.alloc(0), 0, all.slice(0, size).map(leafHash))
  return signCheckpoint({ size, root }, signer)
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-verify-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const verify = async (files: Record<string, string | Buffer>, flags: (path: (name: string) => string) => string[]) => {
  const path = (name: string): string => join(folder, name)
  for (const [name, content] of Object.entries(files)) await writeFile(path(name), content)
  const told: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      told.push(chunk.toString())
      done()
    },
  })
  const exitCode = await run(['verify', '--vkey', signer.vkey, ...flags(path)], {
    streams: { stdout: stream, stderr: stream },
    env: {},
    signal: new AbortController().signal,
  })
  return { exitCode, told: told.join('') }
}

const proofOf = async (index: number, size = 300) =>
  formatTlogProof({ index, hashes: await inclusionProof(readTile, index, size), checkpoint: headOf(size) })
const digestOf = (index: number) => `sha256:${leafHash(leaves[index] ?? Buffer.alloc(0)).toString('hex')}`

describe('countersign verify --proof', () => {
  it('verifies the entry itself, its hash, and the JSON that the ledger gives', async () => {
    const proof = await proofOf(257)
    const json = JSON.stringify({ proof, leafHash: digestOf(257) })
    const byLeaf = await verify({ proof, leaf: leaves[257] ?? '' }, (path) => [
      '--proof',
      path('proof'),
      '--leaf',
      path('leaf'),
    ])
    const byHash = await verify({ proof }, (path) => ['--proof', path('proof'), '--leaf-hash', digestOf(257)])
    const byJson = await verify({ json }, (path) => ['--proof', path('json')])
    expect([byLeaf.exitCode, byHash.exitCode, byJson.exitCode]).toEqual([0, 0, 0])
    expect(byJson.told).toContain('VERIFIED  entry 257 is in the log')
  })

  it('says DIVERGED for another entry, and INVALID for a file that is none', async () => {
    const proof = await proofOf(257)
    const other = await verify({ proof }, (path) => ['--proof', path('proof'), '--leaf-hash', digestOf(256)])
    expect(other).toMatchObject({ exitCode: 30, told: 'DIVERGED  root_mismatch\n' })
    const none = await verify({ none: '{}' }, (path) => ['--proof', path('none'), '--leaf-hash', digestOf(0)])
    expect(none).toMatchObject({ exitCode: 40, told: 'INVALID  proof_malformed\n' })
  })

  it('says INVALID when another key has signed', async () => {
    const foreign = noteSigner(origin, generateKeyPairSync('ed25519').privateKey)
    const proof = await proofOf(3)
    const { exitCode } = await verify({ proof }, (path) => [
      '--proof',
      path('proof'),
      '--leaf-hash',
      digestOf(3),
      '--vkey',
      foreign.vkey,
    ])
    expect(exitCode).toBe(40)
  })

  it('asks which entry it is for instead of guessing', async () => {
    const proof = await proofOf(3)
    const { exitCode, told } = await verify({ proof }, (path) => ['--proof', path('proof')])
    expect(exitCode).toBe(1)
    expect(told).toContain('--leaf-hash')
  })
})

describe('countersign verify --checkpoint --known', () => {
  const growth = async (known: string, newer: string, hashes: readonly Buffer[] | undefined) => {
    const proof = JSON.stringify({ hashes: hashes?.map((hash) => hash.toString('base64')) })
    return verify({ known, newer, proof }, (path) => [
      '--checkpoint',
      path('newer'),
      '--known',
      path('known'),
      ...(hashes === undefined ? [] : ['--consistency', path('proof')]),
    ])
  }

  it('verifies that the log only grew', async () => {
    const grown = await growth(headOf(200), headOf(300), await consistencyProof(readTile, 200, 300))
    expect(grown.exitCode).toBe(0)
    expect(grown.told).toContain('size      200 to 300')
  })

  it('needs no proof for the same checkpoint', async () => {
    expect((await growth(headOf(200), headOf(200), undefined)).exitCode).toBe(0)
  })

  it('says DIVERGED for a log that was rewritten, forked or shortened', async () => {
    const forked = leaves.with(7, Buffer.from('another'))
    const proof = await consistencyProof(readTile, 200, 300)
    expect((await growth(headOf(200, forked), headOf(300), proof)).exitCode).toBe(30)
    expect((await growth(headOf(300, forked), headOf(300), undefined)).exitCode).toBe(30)
    expect((await growth(headOf(300), headOf(200), undefined)).told).toBe('DIVERGED  rolled_back\n')
  })

  it('says which proof is missing', async () => {
    const { exitCode, told } = await growth(headOf(200), headOf(300), undefined)
    expect(exitCode).toBe(1)
    expect(told).toContain('from=200&to=300')
  })
})
