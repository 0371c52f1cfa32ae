import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

/**
 * The key that signs tokens, as a private JWKS. With a file (0600) it is made once, so tokens stay valid over a restart.
 */
export async function signingKeys(file: string | undefined): Promise<{ keys: JWK[] }> {
  if (file === undefined) return newKeys()
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined) return JSON.parse(text) as { keys: JWK[] }
  const keys = await newKeys()
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, JSON.stringify(keys), { mode: 0o600, flag: 'wx' })
  return keys
}

async function newKeys(): Promise<{ keys: JWK[] }> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid: await calculateJwkThumbprint(jwk) }] }
}
