import { migrateSchema } from '@countersign/event-store'
import { clientsInRegister } from './clients-in-register.ts'
import { createProjectFunctions } from './project-functions.ts'
import { createTables, numberAuditRows } from './projection-tables.ts'
import { createReadFunctions, grantFunctions } from './read-functions.ts'

/** Applied once and never edited after a release: what follows gets a class of its own. */
class Initial1763683200000 {
  readonly name = 'Initial1763683200000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(createTables('lineage'))
    await runner.query(numberAuditRows('lineage'))
    await runner.query(createProjectFunctions('lineage'))
    await runner.query(createReadFunctions)
    await runner.query(grantFunctions)
  }

  async down(): Promise<void> {
    throw new Error('projections are rebuilt from the events, not migrated back')
  }
}

class VerdictIndex1795327200000 {
  readonly name = 'VerdictIndex1795327200000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(`create index if not exists audit_verdict on lineage.audit_event (tenant_id, recorded_at)
      where type = 'VerdictRecorded'`)
  }

  async down(): Promise<void> {
    throw new Error('projections are rebuilt from the events, not migrated back')
  }
}

/** Functions that merge and look up in less time; what they do is the same. */
class QuickerFunctions1795334400000 {
  readonly name = 'QuickerFunctions1795334400000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(createProjectFunctions('lineage'))
  }

  async down(): Promise<void> {
    throw new Error('projections are rebuilt from the events, not migrated back')
  }
}

class ClientsInRegister1795348800000 {
  readonly name = 'ClientsInRegister1795348800000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(clientsInRegister)
  }

  async down(): Promise<void> {
    throw new Error('projections are rebuilt from the events, not migrated back')
  }
}

/**
 * Brings schema `lineage` up to date. Runs as the owner, after the store's own migrations (its roles and
 * `countersign.named_tenants` must exist). Idempotent.
 */
export const migrateLineage = (ownerUrl: string): Promise<void> =>
  migrateSchema({
    ownerUrl,
    schema: 'lineage',
    migrations: [
      Initial1763683200000,
      VerdictIndex1795327200000,
      QuickerFunctions1795334400000,
      ClientsInRegister1795348800000,
    ],
  })
