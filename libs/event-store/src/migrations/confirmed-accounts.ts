import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Who links an account for somebody else could speak in their name by it: it counts once its person has confirmed it.
alter table countersign.account add column confirmed boolean not null default false;
`

/** Chat accounts that their person has confirmed. */
export class ConfirmedAccounts1795334400002 implements MigrationInterface {
  readonly name = 'ConfirmedAccounts1795334400002'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
