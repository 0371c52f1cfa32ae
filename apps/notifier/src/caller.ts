import { refuse, type Refusal } from '@countersign/contracts'
import { accountRefusal, type DirectoryPerson, isProgramsClient, personOf } from '@countersign/event-store'
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
export const operatorGroup = 'operators'
export const auditorGroup = 'auditors'

export const isOperator = ({ groups }: PersonCaller): boolean => groups.includes(operatorGroup)

/** Groups whose people may read the directory, and review what others changed in it. */
const readers = [operatorGroup, 'security-admins', auditorGroup] as const
export const reviewers = [operatorGroup, 'security-admins'] as const

/** A human who holds their token themselves: who changes something answers for it. */
export const humanCaller = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> =>
  human(pool, identity, await personCaller(pool, identity))

/** A human who holds their token themselves, when they are in one of the groups. */
export const callerIn = async (
  pool: pg.Pool,
  identity: Identity,
  groups: readonly string[],
): Promise<PersonCaller | Refusal> => human(pool, identity, inOneOf(groups, await personCaller(pool, identity)))

/** The caller when their account may read the directory; a shared one too. */
export const readerIn = async (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> =>
  inTheirHands(pool, identity, inOneOf(readers, await personCaller(pool, identity)))

const inOneOf = (groups: readonly string[], caller: PersonCaller | Refusal): PersonCaller | Refusal =>
  'refused' in caller || caller.groups.some((group) => groups.includes(group)) ? caller : refuse('not_allowed')

/** A token that a program was given is no person's. */
const inTheirHands = async (
  pool: pg.Pool,
  identity: Identity,
  caller: PersonCaller | Refusal,
): Promise<PersonCaller | Refusal> =>
  'refused' in caller || !(await isProgramsClient(pool, identity)) ? caller : refuse('not_human')

const human = async (
  pool: pg.Pool,
  identity: Identity,
  asking: PersonCaller | Refusal,
): Promise<PersonCaller | Refusal> => {
  const caller = await inTheirHands(pool, identity, asking)
  return 'refused' in caller ? caller : ((await accountRefusal(pool, caller)) ?? caller)
}

/** The caller when they are an operator: the only ones who change the directory. */
export const operatorCaller = (pool: pg.Pool, identity: Identity): Promise<PersonCaller | Refusal> =>
  callerIn(pool, identity, [operatorGroup])
