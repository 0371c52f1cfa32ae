import { migrateSchema } from '@countersign/event-store'
import { IntakeInitial1763683200001 } from './migrations/initial.ts'
import { IntakePresentedProofs1795334400000 } from './migrations/presented-proofs.ts'
import { IntakeRefusedRecords1763683200002 } from './migrations/refused-records.ts'

/** Brings intake's own tables up to date, as the owner of the store. Needs the store's migration before. Idempotent. */
export const migrateIntake = (ownerUrl: string): Promise<void> =>
  migrateSchema({
    ownerUrl,
    schema: 'intake',
    migrations: [IntakeInitial1763683200001, IntakeRefusedRecords1763683200002, IntakePresentedProofs1795334400000],
  })
