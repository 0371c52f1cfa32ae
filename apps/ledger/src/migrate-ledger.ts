import { migrateSchema } from '@countersign/event-store'
import { ContinuedLogs1795341600000 } from './migrations/continued-logs.ts'
import { SiemFeed1763769600000 } from './migrations/siem-feed.ts'

const tables = `
create table ledger.log (
  log_id uuid primary key,
  tenant_id uuid not null unique,
  origin text not null unique,
  created_at timestamptz(3) not null default clock_timestamp()
);

-- The right edge of the tree: one root per perfect subtree, left to right, at most 53 of them.
create table ledger.log_head (
  log_id uuid primary key references ledger.log,
  size bigint not null check (size >= 0),
  frontier bytea not null check (octet_length(frontier) % 32 = 0)
) with (fillfactor = 50);

-- Leaves of up to 8 KiB stay uncompressed in the page: compressing them costs more than the space.
create table ledger.entry (
  log_id uuid not null,
  idx bigint not null check (idx >= 0),
  event_id uuid not null,
  kind text not null,
  stream_id uuid not null,
  version bigint not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  leaf bytea not null,
  primary key (log_id, idx),
  constraint entry_once unique (log_id, event_id),
  constraint entry_in_stream unique (log_id, kind, stream_id, version)
) with (toast_tuple_target = 8160);
alter table ledger.entry alter column leaf set storage main;

create table ledger.tile (
  log_id uuid not null,
  level smallint not null check (level between 0 and 63),
  idx bigint not null check (idx >= 0),
  hashes bytea not null check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0),
  primary key (log_id, level, idx)
);
alter table ledger.tile alter column hashes set storage external;

create table ledger.checkpoint (
  log_id uuid not null references ledger.log,
  size bigint not null check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  signed_at timestamptz(3) not null default clock_timestamp(),
  primary key (log_id, size)
);

-- How far the event table was read: the last row that is in a log.
create table ledger.progress (
  name text primary key,
  incarnation integer not null,
  xid xid8 not null,
  position bigint not null
) with (fillfactor = 50);
insert into ledger.progress values ('events', 0, '0', 0);

-- Defence in depth: the proof is the tree, not the trigger.
create function ledger.refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '% is only ever appended to', tg_table_name using errcode = '55000';
end
$$;
create trigger only_appended before update or delete on ledger.entry
  for each row execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.entry
  for each statement execute function ledger.refuse_change();
create trigger only_appended before update or delete on ledger.checkpoint
  for each row execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.checkpoint
  for each statement execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.tile
  for each statement execute function ledger.refuse_change();

grant usage on schema ledger to countersign_ledger;
grant select, insert on ledger.log, ledger.entry, ledger.checkpoint to countersign_ledger;
grant select, insert, update on ledger.log_head, ledger.tile to countersign_ledger;
grant select, update on ledger.progress to countersign_ledger;
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
class Initial1763683200000 {
  readonly name = 'Initial1763683200000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  // Entries are never dropped by a migration.
  async down(): Promise<void> {
    throw new Error('the first migration of the ledger is not reversible')
  }
}

/**
 * Brings schema `ledger` up to date and grants the ledger's role what it needs: it may not change or delete entries and
 * checkpoints. Needs the store's roles (`createRoles`). Idempotent.
 */
export const migrateLedger = (ownerUrl: string): Promise<void> =>
  migrateSchema({
    ownerUrl,
    schema: 'ledger',
    migrations: [Initial1763683200000, SiemFeed1763769600000, ContinuedLogs1795341600000],
  })
