import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- What an agent has taken of a rule's limit in the newest window that anything was taken in.
create table countersign.limit_use (
  tenant_id uuid not null,
  rule text not null,
  agent text not null,
  window_start timestamptz(3) not null,
  taken bigint not null check (taken >= 0),
  primary key (tenant_id, rule, agent)
) with (fillfactor = 70);
alter table countersign.limit_use enable row level security;
create policy named_tenants on countersign.limit_use
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]))
  with check (tenant_id = any ((select countersign.named_tenants())::uuid[]));
grant select, insert, update on countersign.limit_use to countersign_policy;
`

/** Limits over several intents. */
export class LimitUses1795327200001 implements MigrationInterface {
  readonly name = 'LimitUses1795327200001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
