import { readFile } from 'node:fs/promises'
import type { Cast } from '@countersign/conformance'
import { Failure } from '../exit-codes.ts'

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What each member of a cast may be. */
const members: { readonly [Name in keyof Required<Cast>]: (value: unknown) => boolean } = {
  agentName: isText,
  agent: isText,
  delegatedAgent: isText,
  anotherAgent: isText,
  foreignAgent: isText,
  owner: isText,
  asker: isText,
  askerName: (value) => isRecord(value) && isText(value['issuer']) && isText(value['subject']),
  reviewer: isText,
  secondReviewer: isText,
  crowd: (value) => Array.isArray(value) && value.every(isText),
  onlooker: isText,
  operator: isText,
  auditor: isText,
  forged: (value) => isRecord(value) && Object.values(value).every(isText),
}

/** Who takes part in a tenant of a deployment: bearer tokens by role, from a JSON file. @throws Failure that never shows one */
export const readCast = async (path: string): Promise<Cast> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`${path} cannot be read`, { why: error.code })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Failure(`${path} is not JSON`)
  }
  if (!isRecord(value)) throw new Failure(`${path} is not a JSON object`)
  for (const [name, member] of Object.entries(value)) {
    const isRight = Object.hasOwn(members, name) ? members[name as keyof Cast] : undefined
    if (isRight === undefined)
      throw new Failure(`${path} names somebody unknown: ${name}`, {
        next: `Known: ${Object.keys(members).join(', ')}.`,
      })
    if (!isRight(member)) throw new Failure(`${path}: ${name} is not what it should be`)
  }
  return value as Cast
}
