import type { MigrationInterface, QueryRunner } from 'typeorm'
import { accessRules } from './access-rules.ts'
import { appendFunctions } from './append-functions.ts'
import { eventTables } from './event-tables.ts'
import { directoryFunctions } from './directory-functions.ts'
import { registerTables } from './register-tables.ts'
import { sealedTables } from './sealed-tables.ts'

/** The whole store: everything that would be hard to add to a filled one is here from the start. */
export class Initial1763683200000 implements MigrationInterface {
  readonly name = 'Initial1763683200000'

  async up(runner: QueryRunner): Promise<void> {
    for (const topic of [eventTables, appendFunctions, sealedTables, registerTables, accessRules, directoryFunctions]) {
      await runner.query(topic)
    }
  }

  // Events are never dropped by a migration.
  async down(): Promise<void> {
    throw new Error('the first migration of the store is not reversible')
  }
}
