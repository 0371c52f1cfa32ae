/**
 * Tenants, incarnations, the event table and its partitions.
 * Leaf partitions keep rows of up to 8 KiB uncompressed in the page: compression by pglz costs more than the space.
 */
export const eventTables = `
create table countersign.tenant (
  tenant_id uuid primary key,
  name text not null unique check (name ~ '^[a-z0-9-]{1,40}$'),
  created_at timestamptz(3) not null default clock_timestamp()
);

create table countersign.store_incarnation (
  incarnation integer primary key check (incarnation > 0),
  opened_at timestamptz(3) not null default clock_timestamp(),
  system_identifier text not null,
  timeline bigint not null
);

create table countersign.event_owner (
  type text primary key,
  role_name name not null
);

create sequence countersign.event_position as bigint;

create table countersign.event (
  position bigint not null default nextval('countersign.event_position'),
  event_id uuid not null,
  incarnation integer not null,
  tenant_id uuid not null,
  kind text not null,
  stream_id uuid not null,
  version bigint not null check (version > 0),
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  xid xid8 not null default pg_current_xact_id(),
  recorded_at timestamptz(3) not null default clock_timestamp(),
  primary key (kind, stream_id, version)
) partition by list (kind);
alter table countersign.event alter column data set storage main;
alter table countersign.event alter column metadata set storage main;

create index event_in_order on countersign.event (incarnation, xid, position);

create table countersign.event_register partition of countersign.event for values in ('register')
  with (toast_tuple_target = 8160);
create table countersign.event_intent partition of countersign.event for values in ('intent')
  partition by range (stream_id);
create table countersign.event_attempts partition of countersign.event for values in ('attempts')
  partition by range (stream_id);
create table countersign.event_intent_default partition of countersign.event_intent default
  with (toast_tuple_target = 8160);
create table countersign.event_attempts_default partition of countersign.event_attempts default
  with (toast_tuple_target = 8160);

create function countersign.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception '% is only ever appended to', tg_table_name using errcode = '55000';
end
$$;

-- A row trigger on the root is inherited by every partition; a truncate trigger is not, so each table gets its own.
create trigger only_appended before update or delete on countersign.event
  for each row execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event
  for each statement execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event_register
  for each statement execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event_intent
  for each statement execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event_attempts
  for each statement execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event_intent_default
  for each statement execute function countersign.refuse_change();
create trigger never_truncated before truncate on countersign.event_attempts_default
  for each statement execute function countersign.refuse_change();

create table countersign.stream_head (
  stream_id uuid not null,
  kind text not null check (kind in ('intent', 'attempts', 'register')),
  tenant_id uuid not null,
  version bigint not null check (version > 0),
  primary key (stream_id, kind)
) with (fillfactor = 80);

create function countersign.first_id_at(at timestamptz) returns uuid
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partitions of this month and the next three; returns the names of those it made.
-- A month whose rows already went to the default partition stays there: nothing is moved.
create function countersign.ensure_partitions() returns text[]
language plpgsql security definer set search_path = pg_catalog, countersign, pg_temp
as $$
declare
  this_month timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  made text[] := '{}';
  first_id uuid;
  end_id uuid;
  parent text;
  leaf text;
  is_taken boolean;
begin
  perform pg_advisory_xact_lock(hashtextextended('countersign.ensure_partitions', 0));
  for ahead in 0..3 loop
    first_id := first_id_at((this_month at time zone 'UTC' + make_interval(months => ahead)) at time zone 'UTC');
    end_id := first_id_at((this_month at time zone 'UTC' + make_interval(months => ahead + 1)) at time zone 'UTC');
    foreach parent in array array['event_intent', 'event_attempts'] loop
      leaf := parent || to_char(this_month at time zone 'UTC' + make_interval(months => ahead), '_YYYY_MM');
      continue when to_regclass('countersign.' || leaf) is not null;
      execute format('select exists (select from countersign.%I where stream_id >= $1 and stream_id < $2)',
        parent || '_default') into is_taken using first_id, end_id;
      continue when is_taken;
      execute format('create table countersign.%I partition of countersign.%I for values from (%L) to (%L)
        with (toast_tuple_target = 8160)', leaf, parent, first_id, end_id);
      execute format('create trigger never_truncated before truncate on countersign.%I
        for each statement execute function countersign.refuse_change()', leaf);
      made := made || leaf;
    end loop;
  end loop;
  return made;
end
$$;
`
