import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Who owned an agent or a producer, and who was in a group, until when. Kept by triggers, so that no writer of a register can
-- leave it out: whoever gives up an agent is its owner for some days more.
create table countersign.former_owner (
  tenant_id uuid not null,
  register text not null check (register in ('producer', 'agent')),
  name text not null,
  owner_subject_id uuid,
  owner_group text,
  until timestamptz(3) not null default clock_timestamp()
);
create index former_owner_of on countersign.former_owner (tenant_id, register, name);

create table countersign.former_member (
  tenant_id uuid not null,
  group_name text not null,
  subject_id uuid not null,
  until timestamptz(3) not null default clock_timestamp()
);
create index former_member_of on countersign.former_member (tenant_id, group_name);

create function countersign.keep_owner() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if (old.owner_subject_id, old.owner_group) is distinct from (new.owner_subject_id, new.owner_group) then
    insert into countersign.former_owner (tenant_id, register, name, owner_subject_id, owner_group)
      values (old.tenant_id, tg_table_name, old.name, old.owner_subject_id, old.owner_group);
  end if;
  return null;
end
$$;
create trigger keep_owner after update on countersign.producer
  for each row execute function countersign.keep_owner();
create trigger keep_owner after update on countersign.agent
  for each row execute function countersign.keep_owner();

create function countersign.keep_member() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.former_member (tenant_id, group_name, subject_id)
    values (old.tenant_id, old.group_name, old.subject_id);
  return null;
end
$$;
create trigger keep_member after delete on countersign.group_member
  for each row execute function countersign.keep_member();

alter table countersign.former_owner enable row level security;
create policy named_tenants on countersign.former_owner
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]));
alter table countersign.former_member enable row level security;
create policy named_tenants on countersign.former_member
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]));
revoke all on function countersign.keep_owner(), countersign.keep_member() from public;
grant select on countersign.former_owner, countersign.former_member
  to countersign_intake, countersign_policy, countersign_notifier;
`

/** Who owned, and who was a member, before. */
export class FormerOwners1795327200000 implements MigrationInterface {
  readonly name = 'FormerOwners1795327200000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
