import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The form of a freeze credential: 32 random bytes, so that nobody guesses one and no hash of it can be reversed. */
const form = /^Bearer +(csf_[A-Za-z0-9_-]{43})$/i
const hashForm = /^sha256:([0-9a-f]{64})\s*$/
/** What a file says instead of a hash when no credential counts. */
export const withdrawnFreezeCredential = 'withdrawn\n'

const digestOf = (credential: string): Buffer => createHash('sha256').update(credential).digest()

/** A new freeze credential, and the content of the file by which a deployment knows it: it keeps nothing else. */
export const newFreezeCredential = (): { readonly credential: string; readonly hashFile: string } => {
  const credential = `csf_${randomBytes(32).toString('base64url')}`
  return { credential, hashFile: `sha256:${digestOf(credential).toString('hex')}\n` }
}

/** The hash that a file holds; undefined when the credential was withdrawn. @throws Error when it is neither */
export const freezeCredentialHashOf = (hashFile: string): Buffer | undefined => {
  if (hashFile.trim() === withdrawnFreezeCredential.trim()) return undefined
  const hex = hashForm.exec(hashFile)?.[1]
  if (hex === undefined) throw new Error('the freeze credential file does not hold a SHA-256 hash')
  return Buffer.from(hex, 'hex')
}

/** Whether an Authorization header holds the credential; compared in constant time. Never without a stored hash. */
export const isFreezeCredential = (authorization: string | undefined, stored: Buffer | undefined): boolean => {
  const presented = form.exec(authorization ?? '')?.[1]
  if (presented === undefined || stored === undefined) return false
  return timingSafeEqual(digestOf(presented), stored)
}
