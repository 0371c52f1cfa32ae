import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Whoever cannot act cannot review. They stay somebody who could for some days, as whoever loses the place does, so that nobody
-- deactivates the others to be the only one left; and it is remembered by what happens to the rows, whoever writes them.
create or replace function countersign.keep_member() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.former_member (tenant_id, group_name, subject_id, counted, rests_on)
    values (old.tenant_id, old.group_name, old.subject_id, old.counts and not exists (
      select from countersign.person p where p.tenant_id = old.tenant_id and p.subject_id = old.subject_id
        and not (p.active and p.kind = 'human')), old.rests_on);
  return null;
end
$$;
create trigger keep_counting after update on countersign.group_member
  for each row when (old.counts and not new.counts) execute function countersign.keep_member();

create function countersign.keep_reviewer() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.former_member (tenant_id, group_name, subject_id, counted, rests_on)
    select m.tenant_id, m.group_name, m.subject_id, true, m.rests_on from countersign.group_member m
    where m.tenant_id = old.tenant_id and m.subject_id = old.subject_id and m.counts
      and m.group_name in ('operators', 'security-admins');
  return null;
end
$$;
create trigger keep_reviewer after update on countersign.person
  for each row when (old.active and old.kind = 'human' and not (new.active and new.kind = 'human'))
  execute function countersign.keep_reviewer();
revoke all on function countersign.keep_reviewer() from public;

-- Nobody knows since when: so since now.
insert into countersign.former_member (tenant_id, group_name, subject_id, counted, rests_on)
  select m.tenant_id, m.group_name, m.subject_id, true, m.rests_on from countersign.group_member m
  join countersign.person p on p.tenant_id = m.tenant_id and p.subject_id = m.subject_id
  where m.counts and m.group_name in ('operators', 'security-admins') and not (p.active and p.kind = 'human');

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
      and f.until > clock_timestamp() - interval '7 days')
$$;
`

/** Reviewers who cannot act review nothing, and some days later are nobody whom a change could wait for. */
export class StandingReviewers1795345200000 implements MigrationInterface {
  readonly name = 'StandingReviewers1795345200000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
