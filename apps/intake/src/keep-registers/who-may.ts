import { refuse, type Refusal } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { findSecret, hasHiddenText } from '@countersign/redaction'
import type pg from 'pg'
import { accountCaller, personCaller, type PersonCaller } from '../caller.ts'

/** Groups whose people may read, change and review registers; only humans change and review. */
const readers = ['operators', 'security-admins', 'auditors'] as const
export const changers = ['operators'] as const
export const reviewers = ['operators', 'security-admins'] as const

/** The caller when they are in one of the groups. */
export const callerIn = async (
  pool: pg.Pool,
  identity: Identity,
  groups: readonly string[],
): Promise<PersonCaller | Refusal> => inOneOf(groups, await personCaller(pool, identity))

/** The caller when their account may read; a shared one too. */
export const readerIn = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> =>
  inOneOf(readers, await accountCaller(pool, identity))

const inOneOf = (groups: readonly string[], caller: PersonCaller | Refusal): PersonCaller | Refusal =>
  'refused' in caller || caller.groups.some((group) => groups.includes(group)) ? caller : refuse('not_allowed')

/** Refuses clear texts of a body that hold a secret or characters that nobody sees. */
export const unclearText = (texts: Readonly<Record<string, string | undefined>>): Refusal | undefined => {
  for (const [name, text = ''] of Object.entries(texts)) {
    if (hasHiddenText(text)) return refuse('hidden_text', { pointer: `/${name}` })
    if (findSecret(text) !== undefined) return refuse('secret_in_field', { pointer: `/${name}` })
  }
  return undefined
}
