import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- When the relay first published from an incarnation: from then on there has to be a mark outside of the database.
alter table countersign.store_incarnation add column published_at timestamptz(3);

create function countersign.note_published() returns void
language sql security definer set search_path = pg_catalog, countersign, pg_temp
as $$
  update store_incarnation set published_at = clock_timestamp()
    where published_at is null and incarnation = (select max(i.incarnation) from store_incarnation i)
$$;
revoke all on function countersign.note_published() from public;
grant execute on function countersign.note_published() to countersign_relay;

-- What the store looks like beside a mark: its open incarnation and where that was opened, whether anything was ever
-- published, the event at the marked place and whether there is one beyond it. Row security does not reach in here, so
-- nothing is answered but an event id.
create function countersign.store_standing(
  marked_incarnation integer, marked_xid xid8, marked_position bigint,
  out incarnation integer, out is_same_system boolean, out is_same_timeline boolean,
  out system_identifier text, out timeline bigint, out is_published boolean,
  out marked_event uuid, out is_beyond boolean
)
language sql stable security definer set search_path = pg_catalog, countersign, pg_temp
-- The index of the cursor is the only good way in, whatever the statistics say.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
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
  from store_incarnation i order by i.incarnation desc limit 1
$$;
revoke all on function countersign.store_standing(integer, xid8, bigint) from public;
grant execute on function countersign.store_standing(integer, xid8, bigint)
  to countersign_intake, countersign_policy, countersign_notifier, countersign_relay;
`

/** What a store is held against its mark with. */
export class StoreStanding1795305600000 implements MigrationInterface {
  readonly name = 'StoreStanding1795305600000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
