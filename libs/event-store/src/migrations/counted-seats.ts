import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- A member counts once two people stand behind that: who put them in, and another one. change_id is the change that a second
-- person reviews. rests_on is set as long as all of it comes down to one person's word: where nobody else could review.
alter table countersign.group_member
  add column change_id bigint,
  add column counts boolean not null default true,
  add column rests_on uuid;
update countersign.group_member m set rests_on = m.added_by,
    change_id = (select max(c.change_id) from countersign.register_change c where c.tenant_id = m.tenant_id
      and c.register = 'directory_group' and c.name = m.group_name and c.changed_by = m.added_by and c.reviewed_by is null)
  where exists (select from countersign.register_change c where c.tenant_id = m.tenant_id
    and c.register = 'directory_group' and c.name = m.group_name and c.changed_by = m.added_by and c.reviewed_by is null);
create index group_member_of_change on countersign.group_member (tenant_id, change_id) where change_id is not null;

-- Whoever could review stays somebody who could for some days: nobody takes the others out to be the only one left.
alter table countersign.former_member add column counted boolean not null default true, add column rests_on uuid;
create or replace function countersign.keep_member() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.former_member (tenant_id, group_name, subject_id, counted, rests_on)
    values (old.tenant_id, old.group_name, old.subject_id, old.counts, old.rests_on);
  return null;
end
$$;

-- Whose word a reviewer's is: their own, or that of whoever alone made them one.
create function countersign.word_of(in_tenant uuid, of_person uuid) returns uuid
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce((
    select case when bool_or(m.rests_on is null) then of_person else (array_agg(m.rests_on order by m.rests_on))[1] end
    from countersign.group_member m where m.tenant_id = in_tenant and m.subject_id = of_person
      and m.counts and m.group_name in ('operators', 'security-admins')), of_person)
$$;

-- Whether anybody whose word is another than this person's can review, or could in the 7 days before.
create function countersign.another_reviews(in_tenant uuid, than_person uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from countersign.group_member m where m.tenant_id = in_tenant
      and m.counts and m.group_name in ('operators', 'security-admins')
      and coalesce(m.rests_on, m.subject_id) <> countersign.word_of(in_tenant, than_person))
    or exists (select from countersign.former_member f where f.tenant_id = in_tenant
      and f.counted and f.group_name in ('operators', 'security-admins')
      and coalesce(f.rests_on, f.subject_id) <> countersign.word_of(in_tenant, than_person)
      and f.until > clock_timestamp() - interval '7 days')
$$;

-- Whether a change is its reviewer's own: made by them, by themselves under another name, or on the same one person's word
-- although there is another.
create function countersign.is_own_change(in_tenant uuid, made_by uuid, reviewer uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive same(id) as (
    select made_by
    union
    select case when l.person = same.id then l.other else l.person end from same
      join countersign.person_link l on l.tenant_id = in_tenant and same.id in (l.person, l.other))
  select exists (select from same where same.id = reviewer)
    or (countersign.word_of(in_tenant, made_by) = countersign.word_of(in_tenant, reviewer)
      and countersign.another_reviews(in_tenant, reviewer))
$$;

revoke all on function countersign.word_of(uuid, uuid), countersign.another_reviews(uuid, uuid),
  countersign.is_own_change(uuid, uuid, uuid) from public;
grant execute on function countersign.word_of(uuid, uuid), countersign.another_reviews(uuid, uuid),
  countersign.is_own_change(uuid, uuid, uuid) to countersign_intake, countersign_notifier;

create or replace function countersign.person_of(token_iss text, token_sub text)
returns table (tenant_id uuid, subject_id uuid, groups text[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
    select p.tenant_id, p.subject_id,
      coalesce((select array_agg(m.group_name order by m.group_name) from countersign.group_member m
        where m.tenant_id = p.tenant_id and m.subject_id = p.subject_id and m.counts), '{}')
    from countersign.subject s
    join countersign.person p on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id
    where s.iss = token_iss and s.sub = token_sub and p.active
    order by p.tenant_id;
end
$$;
`

/** Members of groups that count once a second person has reviewed who put them there. */
export class CountedSeats1795338000000 implements MigrationInterface {
  readonly name = 'CountedSeats1795338000000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
