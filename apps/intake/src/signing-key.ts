import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { FollowedFiles, type Log } from '@countersign/service-kit'
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'

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
 * The keys of grants and receipts: one signs, and all of them verify and are published. While keys change, the former one is
 * among them as long as a grant that it signed may be redeemed, and the next one before it signs.
 */
export type GrantKeys = {
  readonly current: SigningKey
  readonly published: readonly JsonWebKeyPublic[]
  /** The published key that a token names. */
  readonly find: JWTVerifyGetKey
}

/** RFC 7638 thumbprint. */
const kidOf = (x: string): string =>
  createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')

const publicJwk = (x: string): JsonWebKeyPublic => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x,
  kid: kidOf(x),
  use: 'sig',
  alg: 'EdDSA',
})

/**
 * Reads a PKCS#8 PEM file. The key id is the RFC 7638 thumbprint of the public key. Throws when it is not an Ed25519 key.
 */
export const readSigningKey = (file: string): SigningKey => {
  const privateKey = createPrivateKey(readFileSync(file))
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('the grant key is not an Ed25519 key')
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (x === undefined) throw new Error('the grant key has no public part')
  const jwk = publicJwk(x)
  return { kid: jwk.kid, privateKey, jwk }
}

/** The public keys of a JWKS file, by what they are and not by what they are called. Throws when one is no Ed25519 key. */
const readPublicKeys = (file: string): JsonWebKeyPublic[] => {
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the file of verification keys is no JWKS')
  return keys.map((key: Readonly<Record<string, unknown>>) => {
    const { kty, crv, x, d } = key
    if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(x))
      throw new Error('a verification key is not an Ed25519 key')
    if (d !== undefined) throw new Error('a verification key holds its private half')
    return publicJwk(x)
  })
}

type GrantKeySet = { readonly current: SigningKey; readonly published: readonly JsonWebKeyPublic[] }

/** Reads the key that signs, and those that only verify. */
const readGrantKeySet = ({ signing, verifying }: GrantKeyFiles): GrantKeySet => {
  // The key that signs first: whoever rotates has it published before it signs.
  const current = readSigningKey(signing)
  const others = verifying === undefined ? [] : readPublicKeys(verifying)
  return { current, published: [current.jwk, ...others.filter(({ kid }) => kid !== current.kid)] }
}

export type GrantKeyFiles = { readonly signing: string; readonly verifying?: string | undefined }

/**
 * The keys in the files, followed: a rotated key signs within seconds, without a start. A token whose key is not known has the
 * files looked at at once, so that a grant is redeemed whichever of several intakes has seen the change first. Files
 * that cannot be used change nothing and are logged.
 * @throws when they cannot be used now
 */
export const followGrantKeys = (files: GrantKeyFiles, log: Pick<Log, 'info' | 'warn'>): GrantKeys => {
  const followed = new FollowedFiles([files.signing, files.verifying])
  let set = readGrantKeySet(files)
  let resolve = createLocalJWKSet({ keys: [...set.published] })
  const look = (how?: { readonly now: boolean }): boolean => {
    if (!followed.changed(how)) return false
    try {
      set = readGrantKeySet(files)
      resolve = createLocalJWKSet({ keys: [...set.published] })
      log.info({ kid: set.current.kid }, 'the grant keys were read again')
      return true
    } catch (error) {
      log.warn({ err: error }, 'the grant keys could not be read again, those of before stay')
      return false
    }
  }
  return {
    get current() {
      look()
      return set.current
    },
    get published() {
      look()
      return set.published
    },
    find: async (header, token) => {
      look()
      const known = resolve
      try {
        return await known(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        look({ now: true })
        // Whoever verifies at the same time may have read the files already.
        if (resolve === known) throw error
        return resolve(header, token)
      }
    },
  }
}
