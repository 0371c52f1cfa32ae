import { canonicalJson, sha256, type Sha256Digest } from './canonical-json.ts'
import type { JsonObject } from './json-value.ts'

const SALT_BYTES = 32

// Salts have one length, so salt and content can be joined without a frame.
function saltBytes(salt: string): Buffer {
  const bytes = Buffer.from(salt, 'base64url')
  if (bytes.length !== SALT_BYTES || bytes.toString('base64url') !== salt) {
    throw new RangeError('a salt is 32 bytes in base64url')
  }
  return bytes
}

/**
 * Commits to a JSON value without showing it: SHA-256(salt ‖ JCS(value)). The salt is 32 random bytes in base64url;
 * without it the value cannot be found by trying. Throws a RangeError for any other salt.
 */
export function commitment(salt: string, value: unknown): Sha256Digest {
  return sha256(Buffer.concat([saltBytes(salt), Buffer.from(canonicalJson(value))]))
}

/** Commits to the mapping of a random subject id to an identity: SHA-256(salt ‖ JCS([iss, sub])). */
export function subjectCommitment(salt: string, iss: string, sub: string): Sha256Digest {
  return commitment(salt, [iss, sub])
}

/** Commits to the parameters of an action: SHA-256(salt ‖ JCS(parameters)). */
export function parametersCommitment(salt: string, parameters: JsonObject): Sha256Digest {
  return commitment(salt, parameters)
}
