import { refuse, type Refusal } from '@countersign/contracts'
import { type DirectoryPerson, isProgramsClient, personOf } from '@countersign/event-store'
import { type Identity, isHuman } from '@countersign/identity'
import type pg from 'pg'

/** A person of a tenant's directory who signed in; groups are the directory's, never the token's. */
export type PersonCaller = DirectoryPerson

/** Who a token's person is in the directory now, or why they are nobody here. */
export const personCaller = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> => {
  if (!isHuman(identity)) return refuse('not_human')
  return (await personOf(pool, identity)) ?? refuse('person_inactive')
}

/** Groups of the directory that are asked for by name. */
const operatorGroup = 'operators'
export const auditorGroup = 'auditors'

export const isOperator = ({ groups }: PersonCaller): boolean => groups.includes(operatorGroup)

/** Groups whose people may read the directory, and review what others changed in it. */
export const readers = [operatorGroup, 'security-admins', auditorGroup] as const
export const reviewers = [operatorGroup, 'security-admins'] as const

/** The caller when they are in one of the groups and hold their token themselves. */
export const callerIn = async (
  pool: pg.Pool,
  identity: Identity,
  groups: readonly string[],
): Promise<PersonCaller | Refusal> => {
  const caller = await personCaller(pool, identity)
  if ('refused' in caller) return caller
  if (!caller.groups.some((group) => groups.includes(group))) return refuse('not_allowed')
  return (await isProgramsClient(pool, identity)) ? refuse('not_human') : caller
}

/** The caller when they are an operator: the only ones who change the directory. */
export const operatorCaller = (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> =>
  callerIn(pool, identity, [operatorGroup])
