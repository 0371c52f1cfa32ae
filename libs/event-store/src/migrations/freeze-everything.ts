import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
alter table countersign.freeze drop constraint freeze_scope_kind_check;
alter table countersign.freeze drop constraint freeze_check;
alter table countersign.freeze
  add check (scope_kind in ('all', 'tenant', 'producer', 'agent', 'action', 'environment')),
  add check ((scope_kind in ('all', 'tenant')) = (scope_value is null)),
  add column reason text,
  add column unfreeze_reason text;
-- A freeze of the whole deployment is kept by the tenant that runs it and stops every other one.
create policy everything_is_frozen on countersign.freeze for select
  to countersign_intake, countersign_policy, countersign_notifier using (scope_kind = 'all');
create index freeze_of_everything on countersign.freeze (scope_kind) where active and scope_kind = 'all';
`

/** Producers and the whole deployment can be frozen, for a reason. */
export class FreezeEverything1795330800002 implements MigrationInterface {
  readonly name = 'FreezeEverything1795330800002'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
