import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Two subjects of the directory that are one natural person: as after a merger, at two identity providers. It takes seats and
-- gives none. asked_apart_by has asked to part them; until somebody else has, they stay one.
create table countersign.person_link (
  tenant_id uuid not null,
  person uuid not null,
  other uuid not null,
  asked_apart_by uuid,
  primary key (tenant_id, person, other),
  check (person < other)
);
create index person_link_other on countersign.person_link (tenant_id, other);
alter table countersign.person_link enable row level security;
create policy named_tenants on countersign.person_link
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]))
  with check (tenant_id = any ((select countersign.named_tenants())::uuid[]));
grant select on countersign.person_link to countersign_intake, countersign_policy;
grant select, insert, update, delete on countersign.person_link to countersign_notifier;

-- A directory that is not kept by a feed any more: the row goes, what was registered by it stays.
grant delete on countersign.directory_feed to countersign_notifier;
`

/** Subjects that are one natural person, and feeds that end. */
export class PersonLinks1795334400000 implements MigrationInterface {
  readonly name = 'PersonLinks1795334400000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
