import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The form of a freeze credential: 32 random bytes, so that nobody guesses one and no hash of it can be reversed. */
const form = /^Bearer +(csf_[A-Za-z0-9_-]{43})$/i
const hashForm = /^sha256:([0-9a-f]{64})\s*$/

/** Reads the hash of the freeze credential; the credential itself is stored nowhere. Throws when it is no such hash. */
export const readFreezeCredentialHash = (file: string): Buffer => {
  const hex = hashForm.exec(readFileSync(file, 'utf8'))?.[1]
  if (hex === undefined) throw new Error('the freeze credential file does not hold a SHA-256 hash')
  return Buffer.from(hex, 'hex')
}

/** Whether an Authorization header holds the credential; compared in constant time. Never without a stored hash. */
export const isFreezeCredential = (authorization: string | undefined, stored: Buffer | undefined): boolean => {
  const presented = form.exec(authorization ?? '')?.[1]
  if (presented === undefined || stored === undefined) return false
  return timingSafeEqual(createHash('sha256').update(presented).digest(), stored)
}
