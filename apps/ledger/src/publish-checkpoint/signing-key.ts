import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/**
 * Reads the log's Ed25519 key from a PKCS#8 PEM file. On systems with file modes nobody but its owner may read it.
 * @throws Error when the file is open to others or holds another key; it never quotes what is in it
 */
export const readSigningKey = (file: string): KeyObject => {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new Error('the checkpoint key can be read by others: its file needs mode 0600')
  }
  const key = createPrivateKey(readFileSync(file))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the checkpoint key is not an Ed25519 key')
  return key
}
