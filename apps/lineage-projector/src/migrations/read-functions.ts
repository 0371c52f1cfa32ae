/** Functions of the read side: the walk, and which tenant an OAuth client belongs to. */
export const createReadFunctions = `
-- Breadth first from one node, each direction by itself, newest edges first inside a level. The rules are those of
-- the reference walk in lineage-graph; a property test holds the two together. Ends early when the time is up.
create function lineage.walk(
  tenant uuid, start uuid, ways text[], depth integer, node_limit integer, as_of timestamptz, time_limit interval,
  out ids uuid[], out reason text
)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  deadline constant timestamptz := clock_timestamp() + time_limit;
  seen_down uuid[] := case when 'down' = any (ways) then array[start] else '{}' end;
  seen_up uuid[] := case when 'up' = any (ways) then array[start] else '{}' end;
  level_down uuid[] := seen_down;
  level_up uuid[] := seen_up;
  distance integer := 0;
  step_ids uuid[];
  step_ways text[];
  new_ids uuid[];
  cut bigint;
begin
  ids := array[start];
  while cardinality(level_down) + cardinality(level_up) > 0 loop
    distance := distance + 1;
    if clock_timestamp() > deadline then
      reason := 'time';
      return;
    end if;

    with steps as (
      select 'down' as way, e.to_id as id, max(e.first_at) as first_at
      from lineage.edge e
      where e.tenant_id = tenant and e.from_id = any (level_down)
        and (distance = 1 or e.kind <> 'target_of') and (as_of is null or e.first_at <= as_of)
      group by e.to_id
      union all
      select 'up', e.from_id, max(e.first_at)
      from lineage.edge e
      where e.tenant_id = tenant and e.to_id = any (level_up)
        and (distance = 1 or e.kind <> 'target_of') and (as_of is null or e.first_at <= as_of)
      group by e.from_id
    ), fresh as (
      select * from (
        select * from steps s where s.way = 'down' and not exists (select from unnest(seen_down) u(id) where u.id = s.id)
        union all
        select * from steps s where s.way = 'up' and not exists (select from unnest(seen_up) u(id) where u.id = s.id)
      ) as unseen
      order by first_at desc, id, way
      -- Of so many candidates at least one is beyond the limit, even if all others are known or come both ways.
      limit 2 * node_limit + 1
    )
    select coalesce(array_agg(id order by first_at desc, id, way), '{}'),
      coalesce(array_agg(way order by first_at desc, id, way), '{}')
    into step_ids, step_ways from fresh;

    if cardinality(step_ids) = 0 then
      return;
    end if;
    if distance > depth then
      reason := 'depth';
      return;
    end if;

    with step as (
      select id, place from unnest(step_ids) with ordinality as s(id, place)
    ), new as (
      select id, min(place) as place from step
      where not exists (select from unnest(ids) k(id) where k.id = step.id)
      group by id
    ), ranked as (
      select id, place, row_number() over (order by place) as n from new
    )
    select coalesce(array_agg(id order by place) filter (where n <= node_limit - cardinality(ids)), '{}'),
      min(place) filter (where n > node_limit - cardinality(ids))
    into new_ids, cut from ranked;

    ids := ids || new_ids;
    if cut is not null then
      reason := 'nodes';
      return;
    end if;
    level_down := array(select id from unnest(step_ids, step_ways) as s(id, way) where way = 'down');
    level_up := array(select id from unnest(step_ids, step_ways) as s(id, way) where way = 'up');
    seen_down := seen_down || level_down;
    seen_up := seen_up || level_up;
  end loop;
end
$$;

-- Runs as the owner, for no tenant can be named before it is known; it answers ids only.
create function lineage.client_of(token_iss text, token_client text)
returns table (tenant_id uuid, producer text, agent_subject_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.tenant_id, p.name, null::uuid from countersign.producer p
  where p.iss = token_iss and p.client_id = token_client
  union all
  select a.tenant_id, null, a.subject_id from countersign.agent a
  where a.iss = token_iss and a.client_id = token_client
$$;

-- Names this feed: cursors of another one (a projection that was lost and made anew) are not taken.
create table lineage.feed (feed_id uuid not null default gen_random_uuid());
insert into lineage.feed default values;
grant select on lineage.feed to countersign_lineage;
`

/** Who may call what; the functions that write run as the owner and are the only way in. */
export const grantFunctions = `
revoke all on schema lineage from public;
revoke all on all functions in schema lineage from public;
grant usage on schema lineage to countersign_lineage;
grant execute on all functions in schema lineage to countersign_lineage;
`
