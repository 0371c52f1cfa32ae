import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Intake's own tables: which intent a grant belongs to, and when its grant or its execution runs out. */
export class IntakeInitial1763683200001 implements MigrationInterface {
  readonly name = 'IntakeInitial1763683200001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table intake.issued_grant (
  grant_id uuid primary key,
  tenant_id uuid not null,
  intent_id uuid not null unique,
  due_at timestamptz(3),
  issued_at timestamptz(3) not null default clock_timestamp()
);
create index issued_grant_due on intake.issued_grant (due_at) where due_at is not null;
grant usage on schema intake to countersign_intake;
grant select, insert, update on intake.issued_grant to countersign_intake;
`)
  }

  async down(): Promise<void> {
    throw new Error('the first migration of intake is not reversible')
  }
}
