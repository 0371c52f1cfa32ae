import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Whoever connects a feed decides what the directory says from then on: that is a change of a register like any other.
alter table countersign.register_change drop constraint register_change_register_check;
alter table countersign.register_change add constraint register_change_register_check
  check (register in ('producer', 'agent', 'directory_group', 'directory_feed'));
alter policy kept_by_notifier on countersign.register_change
  using (register in ('directory_group', 'directory_feed'));
alter table countersign.directory_feed add column change_reason text;

create function countersign.keep_feed_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.register_change (tenant_id, register, name, changed_by, changed_at, reason)
    values (new.tenant_id, 'directory_feed', 'scim', new.connected_by, clock_timestamp(), new.change_reason);
  return null;
end
$$;
create trigger keep_change after insert or update of feed_id on countersign.directory_feed
  for each row execute function countersign.keep_feed_change();
insert into countersign.register_change (tenant_id, register, name, changed_by, changed_at)
  select tenant_id, 'directory_feed', 'scim', connected_by, connected_at from countersign.directory_feed;
`

/** Connections of directories that another person reviews. */
export class FeedReviews1795330800005 implements MigrationInterface {
  readonly name = 'FeedReviews1795330800005'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
