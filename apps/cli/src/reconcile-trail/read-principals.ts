import { readFile } from 'node:fs/promises'
import { Failure } from '../exit-codes.ts'

/** Agents by the names that a trail has for them, from a JSON object. @throws Failure when the file is not one */
export const readPrincipals = async (path: string | undefined): Promise<ReadonlyMap<string, string>> => {
  if (path === undefined) return new Map()
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`${path} cannot be read`, { why: error.code })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Failure(`${path} is not JSON`)
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entries = isObject ? Object.entries(value as Record<string, unknown>) : undefined
  if (entries === undefined || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw new Failure(`${path} is not an object of names`, { next: 'Write {"name in the trail": "agent"}.' })
  }
  return new Map(entries)
}
