/**
 * The only way into `event`. Error codes: CS001 wrong isolation, CS002 the transaction has already written,
 * CS003 another service's event type, CS004 too much, CS005 malformed batch, CS006 tenant.
 * `content` makes the row's data and metadata of the texts `e.data` and `e.metadata`.
 */
export const appendFunction = (content: string): string => `
-- Appends to up to 500 streams, all or nothing per stream. Streams are parallel arrays; an event names its stream by
-- the 1-based place in them. A stream moves only from its expected version (null, for attempts only: from any).
-- Answers per stream whether it moved and its version now, and per event its position.
create or replace function countersign.append(
  kinds text[], stream_ids uuid[], tenant_ids uuid[], expected bigint[],
  event_streams integer[], event_ids uuid[], types text[], datas text[], metadatas text[]
) returns countersign.append_result
language plpgsql security definer
set search_path = pg_catalog, countersign, pg_temp
-- The few joins here are by primary key. Plans are kept while the tables grow, so nothing else may be chosen.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  stream_count integer := coalesce(cardinality(kinds), 0);
  event_count integer := coalesce(cardinality(types), 0);
  counts bigint[];
  steps bigint[];
  before bigint[];
  positions bigint[];
  refused text;
  stream integer;
  place integer := 0;
  to_move integer;
  moved_now integer;
  opened_now integer;
  result countersign.append_result;
begin
  if event_count < 1 or event_count > 500 then
    raise exception 'a batch has 1 to 500 events' using errcode = 'CS004';
  end if;
  if stream_count < 1
    or (cardinality(stream_ids), cardinality(tenant_ids), cardinality(expected))
      is distinct from (stream_count, stream_count, stream_count)
    or (cardinality(event_streams), cardinality(event_ids), cardinality(datas), cardinality(metadatas))
      is distinct from (event_count, event_count, event_count, event_count)
    or array_position(tenant_ids, null) is not null
    or array_position(event_ids, null) is not null
  then
    raise exception 'the arrays of a batch belong together' using errcode = 'CS005';
  end if;

  -- The session's own role: within this function current_user is the owner.
  select string_agg(distinct t.type, ', ') into refused from unnest(types) as t(type)
    where not exists (select from event_owner o where o.type = t.type and o.role_name = session_user);
  if refused is not null or array_position(types, null) is not null then
    raise exception '% does not own %', session_user, refused using errcode = 'CS003';
  end if;
  if exists (
    select from unnest(datas, metadatas) as e(data, metadata)
    where coalesce(octet_length(e.data), 16385) > 16384 or coalesce(octet_length(e.metadata), 4097) > 4096
  ) then
    raise exception 'an event has at most 16 KiB of data and 4 KiB of metadata' using errcode = 'CS004';
  end if;
  if exists (
    select from unnest(kinds, expected) as s(kind, expected)
    where s.expected < 0 or (s.expected is null and s.kind is distinct from 'attempts')
  ) or stream_count <> (select count(*) from (select distinct * from unnest(kinds, stream_ids)) as s) then
    raise exception 'a stream is named once, with its expected version' using errcode = 'CS005';
  end if;

  counts := array_fill(0::bigint, array[stream_count]);
  steps := array_fill(0::bigint, array[event_count]);
  foreach stream in array event_streams loop
    if stream is null or stream < 1 or stream > stream_count then
      raise exception 'an event names a stream of its batch' using errcode = 'CS005';
    end if;
    place := place + 1;
    counts[stream] := counts[stream] + 1;
    steps[place] := counts[stream];
  end loop;
  if array_position(counts, 0) is not null then
    raise exception 'a stream has at least one event' using errcode = 'CS005';
  end if;

  perform lock_streams(kinds, stream_ids);

  -- Row security does not reach in here, so the tenants that the transaction names are checked by hand.
  if not (tenant_ids <@ countersign.named_tenants()) then
    raise exception 'the transaction does not name the tenant of each stream' using errcode = 'CS006';
  end if;

  -- From here on each statement sees what the streams' earlier holders committed, and nobody else moves these heads.
  if exists (
    select from unnest(stream_ids, tenant_ids) as s(stream_id, tenant_id)
    join stream_head h on h.stream_id = s.stream_id and h.tenant_id <> s.tenant_id
  ) then
    raise exception 'the stream belongs to another tenant' using errcode = 'CS006';
  end if;
  if not exists (select from unnest(types) as t(type) where t.type like 'dev.countersign.TenantRegistered.v%')
    and exists (
      select from unnest(tenant_ids) as s(tenant_id)
      where not exists (select from tenant t where t.tenant_id = s.tenant_id)
    )
  then
    raise exception 'the tenant is not registered' using errcode = 'CS006';
  end if;

  select
    array_agg(case when coalesce(s.expected, h.version, 0) = coalesce(h.version, 0)
      then coalesce(h.version, 0) end order by s.place),
    array_agg(coalesce(s.expected, h.version, 0) = coalesce(h.version, 0) order by s.place),
    array_agg(coalesce(h.version, 0) order by s.place),
    count(*) filter (where coalesce(s.expected, h.version, 0) = coalesce(h.version, 0))
  into before, result.moved, result.versions, to_move
  from unnest(kinds, stream_ids, expected) with ordinality as s(kind, stream_id, expected, place)
  left join stream_head h on h.stream_id = s.stream_id and h.kind = s.kind;

  select max(i.incarnation) into strict result.incarnation from store_incarnation i;
  if result.incarnation is null then
    raise exception 'the store has no open incarnation' using errcode = '55000';
  end if;
  if to_move = 0 then
    return result;
  end if;

  update stream_head h set version = before[s.place] + counts[s.place]
    from unnest(kinds, stream_ids) with ordinality as s(kind, stream_id, place)
    where h.stream_id = s.stream_id and h.kind = s.kind and before[s.place] > 0 and h.version = before[s.place];
  get diagnostics moved_now = row_count;
  insert into stream_head (stream_id, kind, tenant_id, version)
    select s.stream_id, s.kind, s.tenant_id, counts[s.place]
    from unnest(kinds, stream_ids, tenant_ids) with ordinality as s(kind, stream_id, tenant_id, place)
    where before[s.place] = 0;
  get diagnostics opened_now = row_count;
  if moved_now + opened_now <> to_move then
    raise exception 'a stream head moved under its lock' using errcode = '40001';
  end if;

  result.recorded_at := date_trunc('milliseconds', clock_timestamp());
  result.xid := pg_current_xact_id();
  select array_agg(nextval('countersign.event_position')) into positions from generate_series(1, event_count);
  insert into event (position, event_id, incarnation, tenant_id, kind, stream_id, version, type, data, metadata,
      xid, recorded_at)
    select positions[e.place], e.event_id, result.incarnation, tenant_ids[e.stream], kinds[e.stream],
      stream_ids[e.stream], before[e.stream] + steps[e.place], e.type, ${content},
      result.xid, result.recorded_at
    from unnest(event_streams, event_ids, types, datas, metadatas) with ordinality
      as e(stream, event_id, type, data, metadata, place)
    where before[e.stream] is not null;

  result.positions := positions;
  select array_agg(coalesce(before[s.place] + counts[s.place], result.versions[s.place]) order by s.place)
    into result.versions from generate_series(1, stream_count) as s(place);
  return result;
end
$$;
`

export const appendFunctions = `
-- Order of locks over kinds: an intent before the registers before the companion streams of attempts.
create function countersign.stream_rank(kind text) returns integer
language sql immutable parallel safe
as $$
  select case kind when 'intent' then 1 when 'register' then 2 when 'attempts' then 3 end
$$;

-- Locks streams until the transaction ends. It must run before the transaction has an xid: then a transaction that
-- waited here gets a higher xid than the one it waited for, and (xid, position) never inverts versions.
create function countersign.lock_streams(kinds text[], stream_ids uuid[]) returns void
language plpgsql set search_path = pg_catalog, countersign, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'streams are locked and appended at READ COMMITTED only' using errcode = 'CS001';
  end if;
  if pg_current_xact_id_if_assigned() is not null then
    raise exception 'the transaction has already written' using errcode = 'CS002';
  end if;
  if cardinality(kinds) is distinct from cardinality(stream_ids) or exists (
    select from unnest(kinds, stream_ids) as s(kind, id) where stream_rank(s.kind) is null or s.id is null
  ) then
    raise exception 'a stream has a kind and an id' using errcode = 'CS005';
  end if;
  -- Whoever opens an incarnation waits for the appends in flight.
  perform pg_advisory_xact_lock_shared(hashtextextended('countersign.incarnation', 0));
  perform pg_advisory_xact_lock(ordered.key) from (
    select uuid_hash_extended(s.id, stream_rank(s.kind)) as key
    from unnest(kinds, stream_ids) as s(kind, id)
    order by stream_rank(s.kind), s.id
    offset 0
  ) as ordered;
end
$$;

create type countersign.append_result as (
  moved boolean[], versions bigint[], positions bigint[], incarnation integer, xid xid8, recorded_at timestamptz(3)
);

${appendFunction('e.data::jsonb, e.metadata::jsonb')}
-- Opens the next incarnation of the store: at the first start, and when an operator adopts a restored one.
create function countersign.open_incarnation() returns integer
language plpgsql security definer set search_path = pg_catalog, countersign, pg_temp
as $$
declare
  opened integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('countersign.incarnation', 0));
  insert into store_incarnation (incarnation, system_identifier, timeline)
    select coalesce(max(i.incarnation), 0) + 1, (select system_identifier::text from pg_control_system()),
      ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
    from store_incarnation i
    returning incarnation into opened;
  return opened;
end
$$;

-- Which incarnation is open, and whether this is still the server that it was opened on.
create function countersign.store_identity(
  out incarnation integer, out is_same_system boolean, out is_same_timeline boolean
)
language sql stable security definer set search_path = pg_catalog, countersign, pg_temp
as $$
  select i.incarnation,
    i.system_identifier = (select system_identifier::text from pg_control_system()),
    case when not pg_is_in_recovery()
      then i.timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end
  from store_incarnation i order by i.incarnation desc limit 1
$$;

-- Milliseconds since the oldest write transaction of the whole cluster began: readers of the gate wait for it.
create function countersign.gate_age_ms() returns double precision
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(max(extract(epoch from clock_timestamp() - open.since) * 1000), 0)::double precision from (
    select a.xact_start as since from pg_stat_activity a where a.backend_xid is not null
    union all
    select p.prepared from pg_prepared_xacts p
  ) as open
$$;
`
