import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- What is removed from a register keeps its row: its name is taken for ever, and whoever owned it is still known.
alter table countersign.producer add column removed_at timestamptz(3), add column change_reason text;
alter table countersign.agent add column removed_at timestamptz(3), add column change_reason text;
alter table countersign.directory_group add column change_reason text;
alter table countersign.register_change add column reason text, add column reviewed_at timestamptz(3);

create or replace function countersign.keep_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not new.seeded and new.changed_by is not null then
    insert into countersign.register_change (tenant_id, register, name, changed_by, changed_at, reason)
      values (new.tenant_id, tg_table_name, new.name, new.changed_by, clock_timestamp(), new.change_reason);
  end if;
  return null;
end
$$;

-- A review names another person, and each service reviews the registers that it keeps.
alter table countersign.register_change add check (reviewed_by <> changed_by);
grant update (reviewed_by, reviewed_at) on countersign.register_change to countersign_intake, countersign_notifier;
create policy kept_by_intake on countersign.register_change as restrictive for update to countersign_intake
  using (register in ('agent', 'producer'));
create policy kept_by_notifier on countersign.register_change as restrictive for update to countersign_notifier
  using (register = 'directory_group');
`

/** Why a register was changed, who reviewed it, and what was removed from it. */
export class RegisterReviews1795330800001 implements MigrationInterface {
  readonly name = 'RegisterReviews1795330800001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
