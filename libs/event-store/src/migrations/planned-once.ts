import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- What services ask with each request or every few seconds on each connection, in plpgsql: its plans are kept by the session,
-- where a function in SQL is planned at each call, which took ten times as long as the look-up.
create or replace function countersign.store_standing(
  marked_incarnation integer, marked_xid xid8, marked_position bigint,
  out incarnation integer, out is_same_system boolean, out is_same_timeline boolean,
  out system_identifier text, out timeline bigint, out is_published boolean,
  out marked_event uuid, out is_beyond boolean
)
language plpgsql stable security definer set search_path = pg_catalog, countersign, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  select i.incarnation,
    i.system_identifier = (select c.system_identifier::text from pg_control_system() c),
    case when not pg_is_in_recovery()
      then i.timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end,
    i.system_identifier,
    i.timeline,
    exists (select from store_incarnation p where p.published_at is not null),
    (select e.event_id from event e
      where e.incarnation = marked_incarnation and e.xid = marked_xid and e.position = marked_position),
    exists (select from event e
      where (e.incarnation, e.xid, e.position) > (marked_incarnation, marked_xid, marked_position))
  into incarnation, is_same_system, is_same_timeline, system_identifier, timeline, is_published, marked_event, is_beyond
  from store_incarnation i order by i.incarnation desc limit 1;
end
$$;

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
        where m.tenant_id = p.tenant_id and m.subject_id = p.subject_id), '{}')
    from countersign.subject s
    join countersign.person p on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id
    where s.iss = token_iss and s.sub = token_sub and p.active
    order by p.tenant_id;
end
$$;
`

/** Functions that are asked often, planned once for each connection. */
export class PlannedOnce1795334400001 implements MigrationInterface {
  readonly name = 'PlannedOnce1795334400001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
