import { personOf } from '@countersign/event-store'
import { type Identity, isHuman } from '@countersign/identity'
import { Refused } from '@countersign/service-kit'
import type { Pool } from 'pg'
import type { PublishedLog } from './published-log.ts'

/** Somebody of a tenant who reads the ledger. */
export interface Reader {
  readonly tenantId: string
  readonly groups: readonly string[]
}

/**
 * The directory says who a person is and which groups they hold now; nothing in the token does.
 * @throws Refused `not_human` for a program, `person_inactive` for somebody whom the directory does not know
 */
export const readerOf = async (pool: Pool, identity: Identity): Promise<Reader> => {
  if (!isHuman(identity)) throw new Refused({ code: 'not_human' })
  const person = await personOf(pool, identity)
  if (person === undefined) throw new Refused({ code: 'person_inactive' })
  return person
}

/**
 * Lets only auditors of the log's own tenant pass. Somebody else's log does not exist for them.
 * @throws Refused `not_found` for another tenant's log, `not_allowed` for who is not in the auditors' group
 */
export const requireAuditor = (reader: Reader, log: PublishedLog, auditorGroup: string): void => {
  if (reader.tenantId !== log.tenantId) throw new Refused({ code: 'not_found' })
  if (!reader.groups.includes(auditorGroup)) throw new Refused({ code: 'not_allowed' })
}
