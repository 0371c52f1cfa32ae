import { createHash, createPublicKey, randomUUID, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK, SignJWT } from 'jose'

/** A private key of the executor, Ed25519 or P-256, that stays with it. */
export type ExecutorKey = KeyObject

const algorithmOf = (key: ExecutorKey): 'EdDSA' | 'ES256' => {
  if (key.type !== 'private') throw new TypeError('the executor key is not a private key')
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new TypeError('the executor key is neither Ed25519 nor P-256')
}

const publicJwk = (key: ExecutorKey): JWK => createPublicKey(key).export({ format: 'jwk' }) as JWK

/** RFC 7638 thumbprint of the key's public half: what an agent is registered with. */
export const keyThumbprint = (key: ExecutorKey): Promise<string> => calculateJwkThumbprint(publicJwk(key), 'sha256')

/** A proof for one request (RFC 9449): to be sent once, within a minute, with this access token. */
export const proveKey = (
  key: ExecutorKey,
  { method, url, accessToken }: { readonly method: string; readonly url: string; readonly accessToken: string },
): Promise<string> =>
  new SignJWT({ htm: method, htu: url, ath: createHash('sha256').update(accessToken).digest('base64url') })
    .setProtectedHeader({ alg: algorithmOf(key), typ: 'dpop+jwt', jwk: publicJwk(key) })
    .setJti(randomUUID())
    .setIssuedAt()
    .sign(key)
