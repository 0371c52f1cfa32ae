import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The Ed25519 key that signs grants and receipts; only intake holds it. */
export type SigningKey = { readonly kid: string; readonly privateKey: KeyObject; readonly jwk: JsonWebKeyPublic }
export type JsonWebKeyPublic = {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly kid: string
  readonly use: 'sig'
  readonly alg: 'EdDSA'
}

/**
 * Reads a PKCS#8 PEM file. The key id is the RFC 7638 thumbprint of the public key. Throws when it is not an Ed25519 key.
 */
export const readSigningKey = (file: string): SigningKey => {
  const privateKey = createPrivateKey(readFileSync(file))
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('the grant key is not an Ed25519 key')
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (x === undefined) throw new Error('the grant key has no public part')
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
  return { kid, privateKey, jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' } }
}
