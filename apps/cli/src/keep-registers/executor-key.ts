import { readFile } from 'node:fs/promises'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { exitCodes, Failure } from '../exit-codes.ts'

/** Members of a JWK that only its holder may know (RFC 7518 §6). */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Thumbprint (RFC 7638, SHA-256) of the public key in a JWK file: what is registered for an executor. A file with a private
 * key is refused, because it is about to be where it should not.
 */
export const executorKeyFrom = async (file: string): Promise<{ readonly thumbprint: string }> => {
  const unusable = (why: string): Failure =>
    new Failure(`${file} holds no public key`, { why, exitCode: exitCodes.invalid })
  let key: unknown
  try {
    key = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw unusable(error instanceof SyntaxError ? 'it is not JSON' : ((error as NodeJS.ErrnoException).code ?? ''))
  }
  if (typeof key !== 'object' || key === null || Array.isArray(key)) throw unusable('it is not one JWK (RFC 7517)')
  if (privateMembers.some((member) => member in key)) {
    throw new Failure(`${file} holds a private key`, {
      next: 'Give the public half: the same JWK without its private members.',
      exitCode: exitCodes.invalid,
    })
  }
  try {
    return { thumbprint: await calculateJwkThumbprint(key as JWK, 'sha256') }
  } catch {
    throw unusable('kty, or a member that belongs to it, is missing or unknown')
  }
}
