import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Whoever connected a feed alone decides what it says, in nobody's name. So as long as the connection waits for another person's
-- review, whoever loses the right to review stays somebody who could. The days count from its end, which has a name and a reason.
alter table countersign.former_member add column held boolean not null default false;

create function countersign.feed_awaits_review(in_tenant uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from countersign.directory_feed f where f.tenant_id = in_tenant)
    and exists (select from (select c.reviewed_by from countersign.register_change c
      where c.tenant_id = in_tenant and c.register = 'directory_feed' order by c.change_id desc limit 1) as newest
      where newest.reviewed_by is null)
$$;

create function countersign.hold_reviewer() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new.held := countersign.feed_awaits_review(new.tenant_id);
  return new;
end
$$;
create trigger hold_reviewer before insert on countersign.former_member
  for each row when (new.counted and new.group_name in ('operators', 'security-admins'))
  execute function countersign.hold_reviewer();

-- A second person has seen the connection: what it said since then is the identity provider's word.
create function countersign.release_reviewers() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not countersign.feed_awaits_review(new.tenant_id) then
    update countersign.former_member set held = false where tenant_id = new.tenant_id and held;
  end if;
  return null;
end
$$;
create trigger release_reviewers after update of reviewed_by on countersign.register_change
  for each row when (new.register = 'directory_feed' and old.reviewed_by is null and new.reviewed_by is not null)
  execute function countersign.release_reviewers();

create function countersign.end_feed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update countersign.former_member set held = false, until = clock_timestamp() where tenant_id = old.tenant_id and held;
  return null;
end
$$;
create trigger end_feed after delete on countersign.directory_feed
  for each row execute function countersign.end_feed();
revoke all on function countersign.feed_awaits_review(uuid), countersign.hold_reviewer(), countersign.release_reviewers(),
  countersign.end_feed() from public;

update countersign.former_member m set held = true
  from countersign.directory_feed f
  where f.tenant_id = m.tenant_id and m.counted and m.group_name in ('operators', 'security-admins')
    and m.until >= f.connected_at and countersign.feed_awaits_review(m.tenant_id);

create or replace function countersign.another_reviews(in_tenant uuid, than_person uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from countersign.group_member m
      join countersign.person p on p.tenant_id = m.tenant_id and p.subject_id = m.subject_id
      where m.tenant_id = in_tenant and m.counts and m.group_name in ('operators', 'security-admins')
      and p.active and p.kind = 'human'
      and coalesce(m.rests_on, m.subject_id) <> countersign.word_of(in_tenant, than_person))
    or exists (select from countersign.former_member f where f.tenant_id = in_tenant
      and f.counted and f.group_name in ('operators', 'security-admins')
      and coalesce(f.rests_on, f.subject_id) <> countersign.word_of(in_tenant, than_person)
      and (f.held or f.until > clock_timestamp() - interval '7 days'))
$$;
`

/** Reviewers whom an unreviewed feed takes out stay somebody whom a change waits for. */
export class HeldReviewers1795348800000 implements MigrationInterface {
  readonly name = 'HeldReviewers1795348800000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
