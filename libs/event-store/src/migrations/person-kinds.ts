import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- A subject that several people or a program sign in by is no person, whatever the identity provider says.
alter table countersign.person add column kind text not null default 'human'
  check (kind in ('human', 'shared', 'service'));
`

/** Shared and service accounts among the people of the directory. */
export class PersonKinds1795330800006 implements MigrationInterface {
  readonly name = 'PersonKinds1795330800006'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
