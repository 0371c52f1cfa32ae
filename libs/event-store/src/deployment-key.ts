import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'

/** Wraps the tenants' keys; a key management service fits behind it. `context` must be the same both times. */
export type DeploymentKey = {
  wrap(key: Buffer, context: string): Promise<Buffer>
  /** Throws when the key was wrapped by another deployment, for another context, or changed since. */
  unwrap(wrapped: Buffer, context: string): Promise<Buffer>
}

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/** Writes a new random deployment key, readable by its owner only. Returns false when the file is there already. */
export async function createDeploymentKeyFile(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${randomBytes(keyBytes).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** The deployment's key from a file of 32 bytes in base64url; throws when others than its owner may read the file. */
export async function deploymentKeyFromFile(path: string): Promise<DeploymentKey> {
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error('the deployment key file must have mode 0600')
  }
  const bytes = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64url')
  if (bytes.length !== keyBytes) throw new Error('the deployment key file holds 32 bytes in base64url')
  const key = createSecretKey(bytes)
  return {
    wrap: async (plain, context) => wrapKey(key, plain, context),
    unwrap: async (wrapped, context) => unwrapKey(key, wrapped, context),
  }
}

/** Encrypts a key by another: nonce ‖ AES-256-GCM ciphertext ‖ tag (NIST SP 800-38D), bound to the context. */
export function wrapKey(wrapping: KeyObject, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  return Buffer.concat([nonce, encrypt({ key: wrapping, nonce, context }, plain)])
}

/** Reverses `wrapKey`; throws when key, context or bytes are not the same. */
export function unwrapKey(wrapping: KeyObject, wrapped: Buffer, context: string): Buffer {
  const nonce = wrapped.subarray(0, nonceBytes)
  return decrypt({ key: wrapping, nonce, context }, wrapped.subarray(nonceBytes))
}

// Node 24 spends four times as long on a cipher whose key is a Buffer: it finds out what it is by two thrown errors. And a
// Buffer that is kept keeps the 64 KiB that Node cut it from.
type Cipher = { readonly key: KeyObject; readonly nonce: Buffer; readonly context: string }

/** AES-256-GCM; the answer is ciphertext ‖ tag. A nonce is used once per key. */
export function encrypt({ key, nonce, context }: Cipher, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Reverses `encrypt`; throws when anything differs. */
export function decrypt({ key, nonce, context }: Cipher, sealed: Buffer): Buffer {
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(end))
  return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
}

/** A new random AES-256 or HMAC key. */
export const newKey = (): Buffer => randomBytes(keyBytes)

/** A new random GCM nonce. */
export const newNonce = (): Buffer => randomBytes(nonceBytes)
