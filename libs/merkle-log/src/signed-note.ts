import { decodeBase64, encodeBase64 } from './base64.ts'
import { isKeyName, type NoteSigner, type NoteVerifier } from './note-key.ts'

/** One signature line of a note. */
export interface NoteSignature {
  readonly name: string
  readonly keyId: number
  readonly signature: Buffer
}

/** A note taken apart. Nothing in it may be believed before a signature of a known key has been verified. */
export interface Note {
  /** Ends with a newline; what the signatures are over. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/**
 * `note_malformed`: not a signed note; `signature_invalid`: a known key did not sign this text;
 * `signature_unknown`: no known key has signed.
 */
export type NoteRefusal = 'note_malformed' | 'signature_invalid' | 'signature_unknown'

export type OpenedNote =
  | { readonly ok: true; readonly text: string; readonly verified: readonly NoteVerifier[] }
  | { readonly ok: false; readonly code: NoteRefusal }

/** Larger notes and notes with more signatures are refused unread. */
export const MAX_NOTE_BYTES = 1_000_000
export const MAX_NOTE_SIGNATURES = 100

const KEY_ID_BYTES = 4
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a note apart (c2sp.org/signed-note): text, blank line, signature lines. `undefined` when it is not one:
 * invalid UTF-8, a control character other than newline, no signature, or a signature line with any other spelling
 * than the canonical one.
 */
export const parseNote = (note: Uint8Array | string): Note | undefined => {
  const whole = decode(note)
  if (whole === undefined || hasControls(whole) || !whole.endsWith('\n')) return undefined
  const blank = whole.lastIndexOf('\n\n')
  if (blank < 0) return undefined
  const lines = whole.slice(blank + 2, -1).split('\n')
  if (lines.length > MAX_NOTE_SIGNATURES) return undefined
  const signatures = lines.map(parseSignatureLine)
  if (!signatures.every((signature) => signature !== undefined)) return undefined
  return { text: whole.slice(0, blank + 1), signatures }
}

/**
 * Opens a note for who trusts the given keys. Signatures of other keys are ignored; one of a known key that does not
 * verify refuses the whole note, and so does the absence of any.
 * @throws Error when two of the keys share name and id: which of them signed could not be told
 */
export const openNote = (note: Uint8Array | string, verifiers: readonly NoteVerifier[]): OpenedNote => {
  const known = new Map(verifiers.map((verifier) => [labelOf(verifier), verifier]))
  if (known.size !== new Set(verifiers.map(({ vkey }) => vkey)).size) throw new Error('two keys share name and id')
  const parsed = parseNote(note)
  if (parsed === undefined) return { ok: false, code: 'note_malformed' }
  const text = Buffer.from(parsed.text)
  const verified = new Set<NoteVerifier>()
  for (const line of parsed.signatures) {
    const verifier = known.get(labelOf(line))
    if (verifier === undefined) continue
    if (!verifier.verify(text, line.signature)) return { ok: false, code: 'signature_invalid' }
    verified.add(verifier)
  }
  if (verified.size === 0) return { ok: false, code: 'signature_unknown' }
  return { ok: true, text: parsed.text, verified: [...verified] }
}

/**
 * Signs a text as a note, one signature line per signer.
 * @throws TypeError when the text cannot be a note's: no final newline, a control character, a lone surrogate
 */
export const signNote = (text: string, signers: readonly NoteSigner[]): string => {
  if (!text.endsWith('\n') || hasControls(text) || !text.isWellFormed()) throw new TypeError('not the text of a note')
  if (signers.length === 0) throw new TypeError('a note has at least one signature')
  const bytes = Buffer.from(text)
  const lines = signers.map((signer) => {
    const keyId = Buffer.alloc(KEY_ID_BYTES)
    keyId.writeUInt32BE(signer.keyId)
    return `\u2014 ${signer.name} ${encodeBase64(Buffer.concat([keyId, signer.sign(bytes)]))}\n`
  })
  return `${text}\n${lines.join('')}`
}

const decode = (note: Uint8Array | string): string | undefined => {
  if (typeof note === 'string') return note.length <= MAX_NOTE_BYTES && note.isWellFormed() ? note : undefined
  if (note.length > MAX_NOTE_BYTES) return undefined
  try {
    return utf8.decode(note)
  } catch {
    return undefined
  }
}

const parseSignatureLine = (line: string): NoteSignature | undefined => {
  const [dash, name, encoded, ...more] = line.split(' ')
  if (dash !== '\u2014' || name === undefined || encoded === undefined || more.length > 0) return undefined
  const bytes = decodeBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES || !isKeyName(name)) return undefined
  return { name, keyId: bytes.readUInt32BE(), signature: bytes.subarray(KEY_ID_BYTES) }
}

const labelOf = ({ name, keyId }: { readonly name: string; readonly keyId: number }): string => `${name}+${keyId}`

// Category Cc without newline and without the upper range (U+007F to U+009F), which the format does not forbid.
const hasControls = (text: string): boolean => /[^\P{Cc}\n\u007f-\u009f]/u.test(text)
