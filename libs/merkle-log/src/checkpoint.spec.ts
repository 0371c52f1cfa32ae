import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint, verifyGrowth } from './checkpoint.ts'
import { emptyRoot, leafHash } from './hash.ts'
import { noteSigner } from './note-key.ts'
import { inclusionProof } from './proof.ts'
import { entryAt, proof, tile, treeHash } from './reference-tree.fixture.ts'
import { signNote } from './signed-note.ts'
import { formatTlogProof, parseTlogProof, verifyTlogProof } from './tlog-proof.ts'

const origin = 'ledger.example/log/a'
const signer = noteSigner(origin, generateKeyPairSync('ed25519').privateKey)
const log = { origin, verifiers: [signer] }
const root64 = treeHash(0, 3).toString('base64')
const checkpointAt = (size: number) => ({ origin, size, root: treeHash(0, size), extensions: [] })

describe('checkpoints', () => {
  it('are read back as they were signed', () => {
    const note = signCheckpoint({ size: 300, root: treeHash(0, 300) }, signer)
    expect(openCheckpoint(note, log)).toEqual({ ok: true, checkpoint: checkpointAt(300), verified: [signer] })
  })

  it('keep extension lines', () => {
    const text = formatCheckpoint({ ...checkpointAt(3), extensions: ['one', 'two'] })
    expect(parseCheckpoint(text)).toEqual({ ...checkpointAt(3), extensions: ['one', 'two'] })
  })

  it.each([
    ['no origin', `\n3\n${root64}\n`],
    ['no root', `${origin}\n3\n`],
    ['a leading zero', `${origin}\n03\n${root64}\n`],
    ['a sign', `${origin}\n+3\n${root64}\n`],
    ['a size of 2^53', `${origin}\n9007199254740992\n${root64}\n`],
    ['a short root', `${origin}\n3\nAAAA\n`],
    ['another spelling of the root', `${origin}\n3\n${root64.slice(0, -2)}${root64.at(-2) === 'A' ? 'B' : 'z'}=\n`],
    ['an empty extension line', `${origin}\n3\n${root64}\n\n`],
    ['an empty tree with a root', `${origin}\n0\n${root64}\n`],
    ['no final newline', `${origin}\n3\n${root64}`],
  ])('are refused with %s', (_, text) => {
    expect(parseCheckpoint(text)).toBeUndefined()
    if (text.endsWith('\n')) {
      expect(openCheckpoint(signNote(text, [signer]), log)).toEqual({ ok: false, code: 'checkpoint_malformed' })
    }
  })

  it('of an empty log have the empty root', () => {
    const note = signCheckpoint({ size: 0, root: emptyRoot() }, signer)
    expect(openCheckpoint(note, log)).toMatchObject({ ok: true, checkpoint: { size: 0 } })
  })

  it('of another log are refused though a trusted key signed them', () => {
    const note = signNote(formatCheckpoint({ ...checkpointAt(3), origin: 'ledger.example/log/b' }), [signer])
    expect(openCheckpoint(note, log)).toEqual({ ok: false, code: 'origin_mismatch' })
  })

  it('cannot be formatted with lines that would read as others', () => {
    expect(() => formatCheckpoint({ ...checkpointAt(3), origin: 'a\n9' })).toThrow(RangeError)
    expect(() => formatCheckpoint({ ...checkpointAt(3), origin: '' })).toThrow(RangeError)
    expect(() => formatCheckpoint({ ...checkpointAt(3), size: -1 })).toThrow(RangeError)
    expect(() => formatCheckpoint({ ...checkpointAt(3), root: Buffer.alloc(31) })).toThrow(RangeError)
  })
})

describe('growth between checkpoints', () => {
  it('is shown by a consistency proof', () => {
    expect(verifyGrowth(checkpointAt(130), checkpointAt(300), proof(130, 300))).toEqual({ ok: true })
  })

  it('is refused between two logs, backwards, from nothing and over rewritten history', () => {
    const older = checkpointAt(130)
    const newer = checkpointAt(300)
    const steps = proof(130, 300)
    expect(verifyGrowth({ ...older, origin: 'other' }, newer, steps)).toEqual({ ok: false, code: 'origin_mismatch' })
    expect(verifyGrowth(newer, older, steps)).toEqual({ ok: false, code: 'size_out_of_range' })
    expect(verifyGrowth(checkpointAt(0), newer, [])).toEqual({ ok: false, code: 'size_out_of_range' })
    const rewritten = { ...older, root: treeHash(1, 131) }
    expect(verifyGrowth(rewritten, newer, steps)).toEqual({ ok: false, code: 'root_mismatch' })
  })
})

describe('self-contained proofs', () => {
  const checkpoint = signCheckpoint({ size: 300, root: treeHash(0, 300) }, signer)
  const text = async (index: number, extra?: Buffer) => {
    const hashes = await inclusionProof(tile, index, 300)
    return formatTlogProof({ index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) })
  }

  it('verify offline from the entry, the text and the key alone', async () => {
    for (const index of [0, 1, 255, 256, 299]) {
      const verified = verifyTlogProof(await text(index), leafHash(entryAt(index)), log)
      expect(verified).toEqual({ ok: true, index, checkpoint: checkpointAt(300) })
    }
  })

  it('are read back as they were written, with extra bytes or none', async () => {
    expect(parseTlogProof(await text(7, Buffer.from('extra bytes')))).toMatchObject({
      index: 7,
      checkpoint,
      extra: Buffer.from('extra bytes'),
    })
    expect(parseTlogProof(await text(7))).not.toHaveProperty('extra')
    const alone = { index: 0, hashes: [], checkpoint: signCheckpoint({ size: 1, root: treeHash(0, 1) }, signer) }
    expect(verifyTlogProof(formatTlogProof(alone), leafHash(entryAt(0)), log)).toMatchObject({ ok: true })
  })

  it('are refused for another entry, another index, another key and another log', async () => {
    const proofText = await text(7)
    const leaf = leafHash(entryAt(7))
    const foreign = noteSigner(origin, generateKeyPairSync('ed25519').privateKey)
    expect(verifyTlogProof(proofText, leafHash(entryAt(8)), log)).toEqual({ ok: false, code: 'root_mismatch' })
    expect(verifyTlogProof(proofText.replace('index 7', 'index 6'), leaf, log)).toMatchObject({ ok: false })
    expect(verifyTlogProof(proofText.replace('index 7', 'index 300'), leaf, log)).toMatchObject({
      code: 'index_out_of_range',
    })
    expect(verifyTlogProof(proofText, leaf, { origin, verifiers: [foreign] })).toMatchObject({
      code: 'signature_unknown',
    })
    expect(verifyTlogProof(proofText, leaf, { ...log, origin: 'other' })).toMatchObject({ code: 'origin_mismatch' })
  })

  it('are refused when any byte changes', async () => {
    const bytes = Buffer.from(await text(7))
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      const outcome = verifyTlogProof(changed.toString(), leafHash(entryAt(7)), log)
      expect(outcome.ok, `byte ${at}`).toBe(false)
    }
  })

  it.each([
    ['another version', (proofText: string) => proofText.replace('@v1', '@v2')],
    ['a leading zero', (proofText: string) => proofText.replace('index 7', 'index 07')],
    ['no index', (proofText: string) => proofText.replace('index 7\n', '')],
    ['no blank line', (proofText: string) => proofText.replaceAll('\n\n', '\n')],
    ['extra after index', (proofText: string) => proofText.replace('index 7\n', 'index 7\nextra AAAA\n')],
    ['broken extra', (proofText: string) => proofText.replace('index 7\n', 'extra A\nindex 7\n')],
    ['a short hash', (proofText: string) => proofText.replace('index 7\n', 'index 7\nAAAA\n')],
  ])('are refused with %s', async (_, change) => {
    expect(verifyTlogProof(change(await text(7)), leafHash(entryAt(7)), log)).toEqual({
      ok: false,
      code: 'proof_malformed',
    })
  })
})
