import { migrateSchema } from '@countersign/event-store'
import { PolicyInitial1763683200002 } from './migrations/initial.ts'

/** Brings policy's own tables up to date, as the owner of the store. Needs the store's migration before. Idempotent. */
export const migratePolicy = (ownerUrl: string): Promise<void> =>
  migrateSchema({ ownerUrl, schema: 'policy', migrations: [PolicyInitial1763683200002] })
