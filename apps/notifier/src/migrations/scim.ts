/**
 * What a SCIM client calls the people and groups that it keeps. Who they are and who is in a group is in the directory's own
 * registers; a person's id is their subject id.
 */
const tables = `
create table notifier.scim_user (
  tenant_id uuid not null,
  person uuid not null,
  user_name text not null,
  external_id text,
  changed_at timestamptz(3) not null default clock_timestamp(),
  deleted_at timestamptz(3),
  primary key (tenant_id, person)
);
create unique index scim_user_name on notifier.scim_user (tenant_id, lower(user_name)) where deleted_at is null;
create index scim_user_external on notifier.scim_user (tenant_id, external_id);

create table notifier.scim_group (
  tenant_id uuid not null,
  group_id uuid not null,
  name text not null,
  display_name text not null,
  external_id text,
  changed_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, group_id),
  unique (tenant_id, name)
);

grant select, insert, update, delete on notifier.scim_user, notifier.scim_group to countersign_notifier;
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierScim1795330800003 {
  readonly name = 'NotifierScim1795330800003'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('migrations of notifier do not go down')
  }
}
