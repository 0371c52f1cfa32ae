import { readFile, rename, writeFile } from 'node:fs/promises'
import { Failure } from '../exit-codes.ts'
import type { SpeaksFor } from './inspect-issuer.ts'

/** An entry of the file that services read as OIDC_ISSUERS_FILE. */
export type IssuerEntry = {
  readonly issuer: string
  readonly audience: string
  readonly speaksFor: SpeaksFor
  readonly workload?: boolean
  readonly pages?: { readonly clientId: string; readonly clientSecretFile?: string }
}

const readEntries = async (file: string): Promise<{ readonly issuer?: unknown }[]> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new Failure(`${file} cannot be read`, { why: (error as NodeJS.ErrnoException).code })
  }
  try {
    const { issuers } = JSON.parse(text) as { issuers?: unknown }
    if (Array.isArray(issuers)) return issuers as { readonly issuer?: unknown }[]
  } catch {
    // Told below.
  }
  throw new Failure(`${file} is no issuers file`, { next: 'Mend it or move it away; nothing was written.' })
}

/** Writes an issuer into the file, in place of its former entry; whole or not at all. True when there was one. */
export const writeIssuer = async (file: string, entry: IssuerEntry): Promise<boolean> => {
  const before = await readEntries(file)
  const others = before.filter(({ issuer }) => issuer !== entry.issuer)
  const fresh = `${file}.new`
  await writeFile(fresh, `${JSON.stringify({ issuers: [...others, entry] }, null, 2)}\n`, { mode: 0o600 })
  await rename(fresh, file)
  return others.length < before.length
}
