import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Policy's own tables: when each open intent ends, and how far the events were read for that. */
export class PolicyInitial1763683200002 implements MigrationInterface {
  readonly name = 'PolicyInitial1763683200002'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
create table policy.deadline (
  intent_id uuid primary key,
  tenant_id uuid not null,
  due_at timestamptz(3) not null
) with (fillfactor = 80);
create index deadline_due on policy.deadline (due_at, intent_id);
create index deadline_of_tenant on policy.deadline (tenant_id, intent_id);

create table policy.progress (
  name text primary key,
  incarnation integer not null,
  xid xid8 not null,
  position bigint not null
) with (fillfactor = 50);
insert into policy.progress values ('deadlines', 0, '0', 0);

grant usage on schema policy to countersign_policy;
grant select, insert, update, delete on policy.deadline to countersign_policy;
grant select, update on policy.progress to countersign_policy;
`)
  }

  async down(): Promise<void> {
    throw new Error('the first migration of policy is not reversible')
  }
}
