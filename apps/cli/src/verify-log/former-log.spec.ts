import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { wireTypeOf } from '@countersign/contracts'
import { leafOf } from '@countersign/ledger-check'
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

const log = '0f4a3a52-6a4b-4f0e-9d0c-2f9f5b8a7c11'
const first = `countersign.test/log/${log}`
const { privateKey } = generateKeyPairSync('ed25519')
const [former, current] = [noteSigner(first, privateKey), noteSigner(`${first}/2`, privateKey)]
const treeOf = (leaves: readonly Uint8Array[]) => appendLeaves(Buffer.alloc(0), 0, leaves.map(leafHash))
const tilesOf =
  (leaves: readonly Uint8Array[]): ReadTile =>
  (level, index, width) => {
    const tile = treeOf(leaves).tiles.find((one) => one.level === level && one.index === index)
    return Promise.resolve((tile?.hashes ?? Buffer.alloc(0)).subarray(0, width * 32))
  }
const headOf = (size: number, leaves: readonly Uint8Array[], signer = former) =>
  signCheckpoint({ size, root: treeOf(leaves.slice(0, size)).root }, signer)

// 40 entries are published, 30 are known to be left, then comes what was recorded since and, at 35, the act.
const published = Array.from({ length: 40 }, (_, n) => Buffer.from(`leaf ${n}`))
const actOf = (change: object = {}) =>
  leafOf(
    {
      eventId: '01a1f86a-a0e0-73fa-a987-493ca3ccfcb9',
      tenantId: log,
      wireType: wireTypeOf('LogContinued'),
      kind: 'register',
      streamId: log,
      version: 2,
      recordedAt: '2026-11-22T02:30:00.000Z',
      data: {
        by: null,
        reason: 'restored the backup of 02:00',
        log,
        refusedAs: 'rolled_back',
        former: { origin: first, size: 40, root: treeOf(published).root.toString('base64') },
        keptSize: 30,
        origin: `${first}/2`,
        incarnation: 2,
        ...change,
      },
    },
    log,
    null,
  ).bytes
const leavesWith = (act: Uint8Array) => [
  ...published.slice(0, 30),
  ...Array.from({ length: 5 }, (_, n) => Buffer.from(`since ${n}`)),
  act,
]
const now = leavesWith(actOf())

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-former-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const verify = async (files: Readonly<Record<string, string>>, vkey = current.vkey) => {
  const flags: string[] = []
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await writeFile(path, content)
    flags.push(`--${name}`, name === 'leaf-hash' ? content : path)
  }
  const told: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      told.push(chunk.toString())
      done()
    },
  })
  const exitCode = await run(['verify', '--vkey', vkey, ...flags], {
    streams: { stdout: stream, stderr: stream },
    env: {},
    signal: new AbortController().signal,
  })
  return { exitCode, told: told.join('') }
}
const continued = async (leaves = now, signer = current): Promise<string> => {
  const hashes = await inclusionProof(tilesOf(leaves), 35, leaves.length)
  const proof = formatTlogProof({ index: 35, hashes, checkpoint: headOf(leaves.length, leaves, signer) })
  return JSON.stringify({
    continuations: [{ proof, leaf: Buffer.from(leaves[35] ?? Buffer.alloc(0)).toString('base64') }],
  })
}
const formerProof = async (index: number) => ({
  proof: formatTlogProof({
    index,
    hashes: await inclusionProof(tilesOf(published), index, 40),
    checkpoint: headOf(40, published),
  }),
  'leaf-hash': `sha256:${leafHash(published[index] ?? Buffer.alloc(0)).toString('hex')}`,
})

describe('countersign verify, with a proof of a former name of the log', () => {
  it('verifies an entry that the log went on with', async () => {
    const { exitCode, told } = await verify({ ...(await formerProof(29)), continued: await continued() })
    expect(told).toContain('VERIFIED  entry 29 is in the log')
    expect(told).toContain(`the log went on as ${first}/2 with its first 30 entries, as entry 35 says`)
    expect(exitCode).toBe(0)
  })

  it('says LOST of an entry that the log went on without, with the checkpoint that had it', async () => {
    const { exitCode, told } = await verify({ ...(await formerProof(30)), continued: await continued() })
    expect(told).toContain('LOST  entry 30 was in the log')
    expect(told).toContain(`origin    ${first}\nsize      40\n`)
    expect(exitCode).toBe(30)
  })

  it('says INVALID without what shows that the log was renamed', async () => {
    expect(await verify(await formerProof(3))).toMatchObject({ exitCode: 40, told: 'INVALID  continuation_missing\n' })
  })

  it('does not take the new name for the former one: who has the former key has to take the new one', async () => {
    const proof = formatTlogProof({
      index: 3,
      hashes: await inclusionProof(tilesOf(now), 3, now.length),
      checkpoint: headOf(now.length, now, current),
    })
    const files = { proof, 'leaf-hash': `sha256:${leafHash(published[3] ?? Buffer.alloc(0)).toString('hex')}` }
    expect((await verify(files, former.vkey)).exitCode).toBe(40)
    expect((await verify(files)).exitCode).toBe(0)
  })

  it('believes no continuation that is not an entry of the log', async () => {
    const forged = leavesWith(actOf({ keptSize: 39 }))
    const files = await formerProof(35)
    const evidence = JSON.parse(await continued()) as { continuations: { proof: string; leaf: string }[] }
    const leaf = Buffer.from(forged[35] ?? Buffer.alloc(0)).toString('base64')
    const other = JSON.stringify({ continuations: evidence.continuations.map((one) => ({ ...one, leaf })) })
    expect(await verify({ ...files, continued: other })).toMatchObject({ exitCode: 40 })
    const foreign = noteSigner(`${first}/2`, generateKeyPairSync('ed25519').privateKey)
    expect((await verify({ ...files, continued: await continued(forged, foreign) })).exitCode).toBe(40)
    expect((await verify({ ...files, continued: '{}' })).told).toContain('holds no continuations')
  })

  it('says DIVERGED when the act admits less than was published, or something else', async () => {
    const { root } = treeOf(published.slice(0, 35))
    const less = leavesWith(actOf({ former: { origin: first, size: 35, root: root.toString('base64') } }))
    const files = await formerProof(3)
    const denied = { exitCode: 30, told: 'DIVERGED  former_checkpoint_differs\n' }
    expect(await verify({ ...files, continued: await continued(less) })).toMatchObject(denied)
    const other = leavesWith(actOf({ former: { origin: first, size: 40, root: root.toString('base64') } }))
    expect(await verify({ ...files, continued: await continued(other) })).toMatchObject(denied)
  })
})

describe('countersign verify, with a checkpoint from before the log was renamed', () => {
  const growth = async (size: number, leaves = now) => ({
    known: headOf(size, published),
    checkpoint: headOf(leaves.length, leaves, current),
    continued: await continued(leaves),
    consistency: JSON.stringify({
      hashes: (await consistencyProof(tilesOf(leaves), size, leaves.length)).map((hash) => hash.toString('base64')),
    }),
  })

  it('verifies that the log only grew from what it kept', async () => {
    const { exitCode, told } = await verify(await growth(30))
    expect(told).toContain('VERIFIED  the log only grew')
    expect(exitCode).toBe(0)
  })

  it('says LOST for one that had more than was kept, and how much', async () => {
    const { exitCode, told } = await verify({ ...(await growth(30)), known: headOf(34, published) })
    expect(told).toContain('LOST  entries 30 to 33 went with a restored database')
    expect(exitCode).toBe(30)
  })

  it('says DIVERGED when what was kept is not what was there, whatever the act says', async () => {
    const changed = now.with(7, Buffer.from('another'))
    expect(await verify(await growth(30, changed))).toMatchObject({ exitCode: 30, told: 'DIVERGED  root_mismatch\n' })
  })
})
