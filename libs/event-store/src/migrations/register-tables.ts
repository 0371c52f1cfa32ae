/**
 * Registers: written by their owner in the transaction of their event, read by every decider. changed_by, changed_at
 * and reviewed_by let a decider exclude whoever changed a row until another person has reviewed it; what was seeded
 * counts as reviewed.
 */
export const registerTables = `
create table countersign.producer (
  tenant_id uuid not null,
  name text not null check (name ~ '^[a-z0-9-]{1,40}$'),
  iss text,
  client_id text,
  owner_subject_id uuid,
  owner_group text,
  seeded boolean not null default false,
  changed_by uuid,
  changed_at timestamptz(3) not null default clock_timestamp(),
  reviewed_by uuid,
  primary key (tenant_id, name)
);

create table countersign.agent (
  tenant_id uuid not null,
  name text not null,
  subject_id uuid not null,
  kind text not null check (kind in ('agent', 'pipeline', 'person')),
  owner_subject_id uuid,
  owner_group text,
  producer text not null,
  iss text,
  client_id text,
  seeded boolean not null default false,
  changed_by uuid,
  changed_at timestamptz(3) not null default clock_timestamp(),
  reviewed_by uuid,
  primary key (tenant_id, name)
);
create unique index agent_of_client on countersign.agent (iss, client_id)
  where client_id is not null;
create index agent_of_subject on countersign.agent (tenant_id, subject_id);

-- One client speaks for one producer of one tenant, also across tenants: who it is decides where its intents land.
create unique index producer_of_client on countersign.producer (iss, client_id) where client_id is not null;

create table countersign.person (
  tenant_id uuid not null,
  subject_id uuid not null,
  display_name text not null,
  email text,
  active boolean not null default true,
  primary key (tenant_id, subject_id)
);

create table countersign.directory_group (
  tenant_id uuid not null,
  name text not null,
  seeded boolean not null default false,
  changed_by uuid,
  changed_at timestamptz(3) not null default clock_timestamp(),
  reviewed_by uuid,
  primary key (tenant_id, name)
);

create table countersign.group_member (
  tenant_id uuid not null,
  group_name text not null,
  subject_id uuid not null,
  since timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, group_name, subject_id)
);
create index group_of_member on countersign.group_member (tenant_id, subject_id);

create table countersign.account (
  tenant_id uuid not null,
  provider text not null,
  team_id text not null,
  user_id text not null,
  account_id uuid not null,
  subject_id uuid not null,
  linked_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, provider, team_id, user_id)
);
create index account_of_person on countersign.account (tenant_id, subject_id);

create table countersign.freeze (
  tenant_id uuid not null,
  freeze_id uuid not null,
  scope_kind text not null check (scope_kind in ('tenant', 'agent', 'action', 'environment')),
  scope_value text,
  active boolean not null default true,
  frozen_by uuid not null,
  frozen_at timestamptz(3) not null default clock_timestamp(),
  unfrozen_by uuid,
  unfrozen_at timestamptz(3),
  primary key (tenant_id, freeze_id),
  check ((scope_kind = 'tenant') = (scope_value is null))
);
create index freeze_active on countersign.freeze (tenant_id) where active;

-- Who changed whom to whom matters beyond the last change: each one that was not seeded stays here. Kept by triggers, so
-- that no writer of a register can leave its change out.
create table countersign.register_change (
  change_id bigint generated always as identity primary key,
  tenant_id uuid not null,
  register text not null check (register in ('producer', 'agent', 'directory_group')),
  name text not null,
  changed_by uuid not null,
  changed_at timestamptz(3) not null default clock_timestamp(),
  reviewed_by uuid
);
create index register_change_of on countersign.register_change (tenant_id, register, name);
create function countersign.keep_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not new.seeded and new.changed_by is not null then
    insert into countersign.register_change (tenant_id, register, name, changed_by, changed_at)
      values (new.tenant_id, tg_table_name, new.name, new.changed_by, clock_timestamp());
  end if;
  return null;
end
$$;
create trigger keep_change after insert or update on countersign.producer
  for each row execute function countersign.keep_change();
create trigger keep_change after insert or update on countersign.agent
  for each row execute function countersign.keep_change();
create trigger keep_change after insert or update on countersign.directory_group
  for each row execute function countersign.keep_change();

create table countersign.policy_set (
  tenant_id uuid not null,
  digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
  bundle text not null,
  seeded boolean not null default false,
  created_by uuid,
  created_at timestamptz(3) not null default clock_timestamp(),
  reviewed_by uuid,
  primary key (tenant_id, digest)
);

create table countersign.active_policy_set (
  tenant_id uuid primary key,
  digest text not null,
  activated_by uuid,
  activated_at timestamptz(3) not null default clock_timestamp(),
  foreign key (tenant_id, digest) references countersign.policy_set (tenant_id, digest)
);
`
