import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Who put a member into a group: nobody seats somebody to approve what is their own. Null for seeds and for members of before.
alter table countersign.group_member add column added_by uuid;
`

/** Who put each member into a group. */
export class SeatedBy1795334400003 implements MigrationInterface {
  readonly name = 'SeatedBy1795334400003'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
