import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Whoever is taken out while a feed's wait for its review ends comes before the end or after it, by the lock on the feed's row:
-- else neither sees the other, and they would be held by a feed that waits for nobody. Hearing of the feed goes on meanwhile.
create or replace function countersign.hold_reviewer() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform from countersign.directory_feed f where f.tenant_id = new.tenant_id for key share;
  new.held := countersign.feed_awaits_review(new.tenant_id);
  return new;
end
$$;

create or replace function countersign.release_reviewers() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform from countersign.directory_feed f where f.tenant_id = new.tenant_id for update;
  if not countersign.feed_awaits_review(new.tenant_id) then
    update countersign.former_member set held = false where tenant_id = new.tenant_id and held;
  end if;
  return null;
end
$$;

-- Whom such a moment has held already.
update countersign.former_member m set held = false where m.held and not countersign.feed_awaits_review(m.tenant_id);
`

/** Reviewers whom a feed takes out are held for as long as it waits for its review, whatever happens at the same moment. */
export class HeldInTurn1795352400000 implements MigrationInterface {
  readonly name = 'HeldInTurn1795352400000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
