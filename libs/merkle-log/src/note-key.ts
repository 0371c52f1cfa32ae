import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { type Checked, sha256 } from './hash.ts'

/** A key that may sign notes: what a verifier holds. Made by `parseVerifierKey` or `verifierOf`. */
export interface NoteVerifier {
  readonly name: string
  /** The first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key), big-endian. */
  readonly keyId: number
  /** The key as the text that is handed around: `name+hex(key id)+base64(type ‖ public key)`. */
  readonly vkey: string
  readonly verify: (text: Uint8Array, signature: Uint8Array) => boolean
}

/** A key that signs notes. Made by `noteSigner`. */
export interface NoteSigner extends NoteVerifier {
  /** Ed25519 signature over the text, 64 bytes. */
  readonly sign: (text: Uint8Array) => Buffer
}

/** `key_type_unknown`: well formed, but not an Ed25519 note key; `key_id_mismatch`: the id is of another name or key. */
export type VerifierKeyRefusal = 'key_malformed' | 'key_type_unknown' | 'key_id_mismatch'

const ED25519 = 0x01
const ED25519_KEY_BYTES = 32

/** Whether a text can name a note key: not empty, no Unicode space, no control character, no `+`. */
export const isKeyName = (name: string): boolean =>
  /^[^\p{White_Space}+]+$/u.test(name) && !/[^\P{Cc}\u007f-\u009f]/u.test(name) && name.isWellFormed()

/** Reads a verifier key of signature type 0x01 (c2sp.org/signed-note, Verifier keys). */
export const parseVerifierKey = (
  vkey: string,
): { readonly ok: true; readonly verifier: NoteVerifier } | Exclude<Checked<VerifierKeyRefusal>, { ok: true }> => {
  const [, name, keyId, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(vkey) ?? []
  const typed = decodeBase64(encoded ?? '')
  if (name === undefined || keyId === undefined || typed === undefined || !isKeyName(name))
    return refused('key_malformed')
  if (typed[0] !== ED25519) return refused(typed.length === 0 ? 'key_malformed' : 'key_type_unknown')
  if (typed.length !== 1 + ED25519_KEY_BYTES) return refused('key_malformed')
  const verifier = verifierFor(name, typed.subarray(1))
  return verifier.vkey === vkey ? { ok: true, verifier } : refused('key_id_mismatch')
}

/**
 * The verifier of an Ed25519 key, public or private, under a name.
 * @throws TypeError when the key is of another type or the name cannot name a key
 */
export const verifierOf = (name: string, key: KeyObject): NoteVerifier => {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('notes are signed with Ed25519 keys')
  if (!isKeyName(name)) throw new TypeError('a key name has no spaces, control characters or plus signs')
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  return verifierFor(name, Buffer.from(x ?? '', 'base64url'))
}

/**
 * A signer of notes under a key name; for a log the name is its origin.
 * @throws TypeError unless the key is an Ed25519 private key and the name can name a key
 */
export const noteSigner = (name: string, key: KeyObject): NoteSigner => {
  if (key.type !== 'private') throw new TypeError('signing needs a private key')
  return { ...verifierOf(name, key), sign: (text) => sign(null, text, key) }
}

/**
 * The same key under another name, for a log that was renamed.
 * @throws TypeError when the name cannot name a key
 */
export const underName = (name: string, { vkey }: NoteVerifier): NoteVerifier => {
  if (!isKeyName(name)) throw new TypeError('a key name has no spaces, control characters or plus signs')
  const typed = decodeBase64(vkey.split('+').slice(2).join('+'))
  if (typed === undefined) throw new TypeError('the verifier was not made here')
  return verifierFor(name, typed.subarray(1))
}

const verifierFor = (name: string, publicKey: Uint8Array): NoteVerifier => {
  const typed = Buffer.concat([Buffer.of(ED25519), publicKey])
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, 4)
  const x = Buffer.from(publicKey).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return {
    name,
    keyId: id.readUInt32BE(),
    vkey: `${name}+${id.toString('hex')}+${encodeBase64(typed)}`,
    verify: (text, signature) => verify(null, text, key, signature),
  }
}

const refused = (code: VerifierKeyRefusal): { ok: false; code: VerifierKeyRefusal } => ({ ok: false, code })
