import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PolicySource } from '@countersign/policy-engine'

/** Reads `schema.cedarschema` and every `*.cedar` file of a folder; other files and subfolders are not part of the set. */
export const readPolicyFolder = async (folder: string): Promise<PolicySource> => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.cedar')).toSorted()
  const texts = await Promise.all(
    files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const),
  )
  return { schema: await readFile(join(folder, 'schema.cedarschema'), 'utf8'), policies: Object.fromEntries(texts) }
}
