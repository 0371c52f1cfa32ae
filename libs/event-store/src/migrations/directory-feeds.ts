import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Where the directory of a tenant comes from, and when that was last heard of. Who decides needs to know whether it is fresh;
-- the hash of the credential is for notifier alone.
create table countersign.directory_feed (
  tenant_id uuid primary key,
  feed_id uuid not null,
  issuer text not null,
  subject_from text not null check (subject_from in ('externalId', 'userName')),
  token_hash bytea not null unique,
  max_age_ms bigint check (max_age_ms > 0),
  connected_by uuid not null,
  connected_at timestamptz(3) not null default clock_timestamp(),
  seen_at timestamptz(3) not null default clock_timestamp()
);
alter table countersign.directory_feed enable row level security;
create policy named_tenants on countersign.directory_feed
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]))
  with check (tenant_id = any ((select countersign.named_tenants())::uuid[]));
grant select (tenant_id, feed_id, max_age_ms, seen_at) on countersign.directory_feed
  to countersign_intake, countersign_policy;
grant select, insert, update on countersign.directory_feed to countersign_notifier;

-- Comes before any tenant can be named: whose credential it is, which is heard of now. Answers only to the right hash.
create function countersign.hear_feed(hash bytea)
returns table (tenant_id uuid, feed_id uuid, issuer text, subject_from text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  update countersign.directory_feed f set seen_at = clock_timestamp() where f.token_hash = hash
  returning f.tenant_id, f.feed_id, f.issuer, f.subject_from
$$;
revoke all on function countersign.hear_feed(bytea) from public;
grant execute on function countersign.hear_feed(bytea) to countersign_notifier;
`

/** Directories that somebody else keeps: the feed, and how old it may be. */
export class DirectoryFeeds1795330800004 implements MigrationInterface {
  readonly name = 'DirectoryFeeds1795330800004'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
