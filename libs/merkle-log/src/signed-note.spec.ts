import { createHash, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noteSigner, parseVerifierKey, verifierOf } from './note-key.ts'
import { openNote, parseNote, signNote } from './signed-note.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const other = generateKeyPairSync('ed25519')
const signer = noteSigner('ledger.example/log/a', privateKey)
const verifier = verifierOf('ledger.example/log/a', publicKey)
const note = signNote('first line\n\nthird line\n', [signer])

const example = {
  vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  note: `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`,
}

describe('the example of the specification', () => {
  it('opens with its key', () => {
    const key = parseVerifierKey(example.vkey)
    if (!key.ok) throw new Error(key.code)
    expect(openNote(example.note, [key.verifier])).toEqual({
      ok: true,
      text: 'This is an example message.\n',
      verified: [key.verifier],
    })
  })
})

describe('signing', () => {
  it('gives a note that the key opens, from text or bytes', () => {
    const opened = { ok: true, text: 'first line\n\nthird line\n', verified: [verifier] }
    expect(openNote(note, [verifier])).toEqual(opened)
    expect(openNote(Buffer.from(note), [verifier])).toEqual(opened)
  })

  it('is deterministic', () => {
    expect(signNote('first line\n\nthird line\n', [signer])).toBe(note)
  })

  it.each(['no newline', 'a\tb\n', 'a\r\n', 'nul\0\n', 'lone \ud800\n', ''])('refuses the text %j', (text) => {
    expect(() => signNote(text, [signer])).toThrow(TypeError)
  })

  it('wants an Ed25519 private key and a name that a note can carry', () => {
    expect(() => noteSigner('ledger.example', publicKey)).toThrow(TypeError)
    expect(() => noteSigner('ledger.example', generateKeyPairSync('x25519').privateKey)).toThrow(TypeError)
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u2003b', 'a\nb', 'a\u0000b']) {
      expect(() => noteSigner(name, privateKey)).toThrow(TypeError)
    }
  })
})

describe('opening', () => {
  it('refuses a note that no known key has signed', () => {
    const unrelated = verifierOf('ledger.example/log/a', other.publicKey)
    expect(openNote(note, [unrelated])).toEqual({ ok: false, code: 'signature_unknown' })
    expect(openNote(note, [])).toEqual({ ok: false, code: 'signature_unknown' })
    expect(openNote(note, [verifierOf('ledger.example/log/b', publicKey)])).toMatchObject({ code: 'signature_unknown' })
  })

  it('ignores signatures of unknown keys, also ones that share the name', () => {
    const both = signNote('text\n', [noteSigner(signer.name, other.privateKey), signer])
    expect(openNote(both, [verifier])).toMatchObject({ ok: true, verified: [verifier] })
  })

  it('refuses the whole note when one known key fails, whatever the others say', () => {
    const second = noteSigner('witness.example', other.privateKey)
    const forged = { ...second, sign: () => Buffer.alloc(64, 1) }
    const verifiers = [verifier, verifierOf('witness.example', other.publicKey)]
    expect(openNote(signNote('text\n', [signer, second]), verifiers)).toMatchObject({ ok: true, verified: verifiers })
    for (const signers of [
      [signer, forged],
      [forged, signer],
      [signer, second, forged],
    ]) {
      expect(openNote(signNote('text\n', signers), verifiers)).toEqual({ ok: false, code: 'signature_invalid' })
    }
  })

  it('refuses every change of one byte', () => {
    const bytes = Buffer.from(note)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      expect(openNote(changed, [verifier]).ok, `byte ${at}`).toBe(false)
    }
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= mask
        expect(openNote(changed, [verifier]).ok).toBe(false)
      }),
    )
  })

  it('refuses a second spelling of the same signature', () => {
    const [head, encoded = ''] = note.trimEnd().split(/ (?=[^ ]+$)/)
    // 68 bytes leave two unused bits before the padding.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const last = alphabet.indexOf(encoded.at(-2) ?? '')
    const spellings = [
      `${encoded.slice(0, -2)}${alphabet[last + 1]}=`,
      encoded.slice(0, -1),
      `${encoded}=`,
      `${encoded.slice(0, 8)} ${encoded.slice(8)}`,
      encoded.replaceAll('+', '-').replaceAll('/', '_').replace(/^./, '-'),
    ]
    for (const spelling of spellings) {
      expect(openNote(`${head} ${spelling}\n`, [verifier])).toEqual({ ok: false, code: 'note_malformed' })
    }
  })

  it.each([
    ['no signature', 'text\n\n'],
    ['no blank line', 'text\n— a AAAAAAE=\n'],
    ['no final newline', note.slice(0, -1)],
    ['a carriage return', note.replace('line\n', 'line\r\n')],
    ['a tab', note.replace('first ', 'first\t')],
    ['a lone surrogate', `\ud800${note}`],
    ['a hyphen for the dash', note.replace('— ', '- ')],
    ['two spaces', note.replace('— ', '—  ')],
    ['a signature without bytes', 'text\n\n— a AAAAAA==\n'],
    ['a text line among the signatures', `${note}more\n`],
    ['too many signatures', `text\n\n${'— a AAAAAAE=\n'.repeat(101)}`],
    ['too many bytes', `${'a'.repeat(1_000_000)}\n\n— a AAAAAAE=\n`],
  ])('refuses a note with %s', (_, malformed) => {
    expect(openNote(malformed, [verifier])).toEqual({ ok: false, code: 'note_malformed' })
  })

  it('refuses bytes that are not UTF-8 and keeps a byte order mark as text', () => {
    expect(parseNote(Buffer.concat([Buffer.of(0xff), Buffer.from(note)]))).toBeUndefined()
    expect(parseNote(Buffer.from(`\ufeff${note}`))?.text.startsWith('\ufeff')).toBe(true)
  })

  it('reads 100 signatures', () => {
    expect(parseNote(`text\n\n${'— a AAAAAAE=\n'.repeat(100)}`)?.signatures).toHaveLength(100)
  })
})

describe('verifier keys', () => {
  it('carry name, id and key', () => {
    expect(parseVerifierKey(verifier.vkey)).toMatchObject({
      ok: true,
      verifier: { name: signer.name, keyId: signer.keyId },
    })
    expect(verifier.vkey).toBe(signer.vkey)
  })

  it.each([
    ['key_malformed', example.vkey.slice(0, -1)],
    ['key_malformed', example.vkey.replace('530d903a', '530D903A')],
    ['key_malformed', `example.com foo${example.vkey.slice('example.com/foo'.length)}`],
    ['key_malformed', 'example.com/foo+530d903a'],
    ['key_malformed', ''],
    ['key_id_mismatch', example.vkey.replace('example.com', 'example.org')],
    ['key_id_mismatch', example.vkey.replace('+530d903a+', '+530d903b+')],
    ['key_type_unknown', `example.com/foo+530d903a+${Buffer.alloc(33, 4).toString('base64')}`],
  ])('are refused as %s: %s', (code, vkey) => {
    expect(parseVerifierKey(vkey)).toEqual({ ok: false, code })
  })

  it('have the id of the specification', () => {
    const { x = '' } = publicKey.export({ format: 'jwk' })
    const hashed = Buffer.concat([Buffer.from('ledger.example/log/a\n'), Buffer.of(1), Buffer.from(x, 'base64url')])
    expect(verifier.keyId).toBe(createHash('sha256').update(hashed).digest().readUInt32BE())
  })
})
