import type { ProjectionSchema } from './projection-tables.ts'

/**
 * Functions that write the projections. Each takes a whole batch as arrays, merges it by natural key and may be called
 * with the same events in any order and number: of two attribute values the one with the higher stamp stays, of two
 * times the earlier. Rows are touched in the order of their keys, so that batches never deadlock.
 * Their plans are made once, when the tables may be empty, and kept while they grow: nothing but look-ups by index.
 */
export const createProjectFunctions = (schema: ProjectionSchema): string => `
-- plpgsql, and no search path of its own: as a function in SQL it took 140 microseconds a call. Who calls it has set the path.
create or replace function ${schema}.merge_attributes(one jsonb, other jsonb) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
  name text;
begin
  for name in select jsonb_object_keys(other) loop
    if one -> name is null or (other -> name ->> 0) collate "C" > (one -> name ->> 0) collate "C" then
      one := jsonb_set(one, array[name], other -> name);
    end if;
  end loop;
  return one;
end
$$;

create or replace function ${schema}.project_lineage(
  node_tenants uuid[], node_ids uuid[], node_kinds text[], node_keys text[], node_attributes text[], node_times timestamptz[],
  edge_tenants uuid[], edge_froms uuid[], edge_kinds text[], edge_tos uuid[], edge_attributes text[], edge_times timestamptz[],
  fact_tenants uuid[], fact_intents uuid[], fact_reads uuid[], fact_writes uuid[], fact_reviews uuid[],
  fact_grants uuid[], fact_granted timestamptz[], fact_executions uuid[], fact_executed timestamptz[]
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
begin
  insert into ${schema}.node as n (tenant_id, id, kind, key, attributes, first_at)
  select * from unnest(node_tenants, node_ids, node_kinds, node_keys, node_attributes::jsonb[], node_times)
    as batch(tenant_id, id, kind, key, attributes, first_at)
  order by tenant_id, id
  on conflict (tenant_id, id) do update
    set attributes = ${schema}.merge_attributes(n.attributes, excluded.attributes),
        first_at = least(n.first_at, excluded.first_at)
    where excluded.first_at < n.first_at or not n.attributes @> excluded.attributes;

  insert into ${schema}.edge as e (tenant_id, from_id, kind, to_id, attributes, first_at)
  select * from unnest(edge_tenants, edge_froms, edge_kinds, edge_tos, edge_attributes::jsonb[], edge_times)
    as batch(tenant_id, from_id, kind, to_id, attributes, first_at)
  order by tenant_id, from_id, kind, to_id
  on conflict (tenant_id, from_id, kind, to_id) do update
    set attributes = ${schema}.merge_attributes(e.attributes, excluded.attributes),
        first_at = least(e.first_at, excluded.first_at)
    where excluded.first_at < e.first_at or not e.attributes @> excluded.attributes;

  insert into ${schema}.intent_fact as f
    (tenant_id, intent_id, reads, writes, approved_review, grant_id, granted_at, execution, executed_at)
  select * from unnest(fact_tenants, fact_intents, fact_reads, fact_writes, fact_reviews, fact_grants, fact_granted,
    fact_executions, fact_executed)
    as batch(tenant_id, intent_id, reads, writes, approved_review, grant_id, granted_at, execution, executed_at)
  order by tenant_id, intent_id
  on conflict (tenant_id, intent_id) do update
    set reads = least(f.reads, excluded.reads),
        writes = least(f.writes, excluded.writes),
        approved_review = least(f.approved_review, excluded.approved_review),
        grant_id = least(f.grant_id, excluded.grant_id),
        granted_at = least(f.granted_at, excluded.granted_at),
        execution = least(f.execution, excluded.execution),
        executed_at = least(f.executed_at, excluded.executed_at);

  -- A statement of its own: it sees what a concurrent batch added to the same intents, whose rows this one waited for.
  insert into ${schema}.edge as e (tenant_id, from_id, kind, to_id, attributes, first_at)
  select f.tenant_id, derived.from_id, derived.kind, derived.to_id, '{}', min(derived.first_at)
  from unnest(fact_tenants, fact_intents) as batch(tenant_id, intent_id)
  join ${schema}.intent_fact f using (tenant_id, intent_id)
  cross join lateral (values
    (f.approved_review, 'leads_to', f.grant_id, f.granted_at),
    (case when f.execution is not null then f.reads end, 'flow', f.execution, f.executed_at),
    (f.execution, 'flow', case when f.execution is not null then f.writes end, f.executed_at),
    (case when f.execution is not null then f.reads end, 'flow', f.writes, f.executed_at)
  ) as derived(from_id, kind, to_id, first_at)
  where derived.from_id is not null and derived.to_id is not null and derived.first_at is not null
  group by f.tenant_id, derived.from_id, derived.kind, derived.to_id
  order by f.tenant_id, derived.from_id, derived.kind, derived.to_id
  on conflict (tenant_id, from_id, kind, to_id) do update set first_at = excluded.first_at
    where excluded.first_at < e.first_at;
end
$$;

create or replace function ${schema}.project_audit(
  tenants uuid[], event_ids uuid[], kinds text[], stream_ids uuid[], versions bigint[], types text[],
  schema_versions integer[], contents text[], times timestamptz[]
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
begin
  insert into ${schema}.audit_head (tenant_id, seq)
  select distinct tenant_id, 0 from unnest(tenants) as t(tenant_id) order by tenant_id
  on conflict do nothing;
  -- Numbers are given one batch after the other per tenant: what a reader has passed is complete.
  perform from ${schema}.audit_head where tenant_id = any (tenants) order by tenant_id for update;

  with fresh as (
    select batch.*, row_number() over (partition by batch.tenant_id order by batch.place) as n
    from unnest(tenants, event_ids, kinds, stream_ids, versions, types, schema_versions, contents, times)
      with ordinality
      as batch(tenant_id, event_id, kind, stream_id, version, type, schema_version, content, recorded_at, place)
    where not exists (
      select from ${schema}.audit_event known
      where known.tenant_id = batch.tenant_id and known.event_id = batch.event_id)
  ), added as (
    insert into ${schema}.audit_event
      (tenant_id, event_id, seq, kind, stream_id, version, type, schema_version, data, recorded_at)
    select f.tenant_id, f.event_id, h.seq + f.n, f.kind, f.stream_id, f.version, f.type, f.schema_version,
      f.content::jsonb, f.recorded_at
    from fresh f join ${schema}.audit_head h using (tenant_id)
    returning tenant_id, seq
  )
  update ${schema}.audit_head h set seq = newest.seq
  from (select tenant_id, max(seq) as seq from added group by tenant_id) as newest
  where h.tenant_id = newest.tenant_id;
end
$$;
`
