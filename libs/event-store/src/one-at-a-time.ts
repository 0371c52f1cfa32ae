import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/**
 * Lets one transaction at a time pass for the same thing, named by its parts, until it ends: what it asks next of all tenants
 * holds until then. A statement of its own, since one that waited would not see what it waited for; and before the transaction
 * writes, as any lock.
 */
export const oneAtATime = async (on: Transaction, parts: readonly string[]): Promise<void> => {
  await on.query(prepared('select pg_advisory_xact_lock(hashtextextended($1, 0))', [JSON.stringify(parts)]))
}
