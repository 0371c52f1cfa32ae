const tables = `
-- How much of each log the SIEM topic has: every entry below this index. A log without a row has nothing there yet.
create table ledger.siem_progress (
  log_id uuid primary key references ledger.log,
  fed bigint not null check (fed >= 0)
) with (fillfactor = 50);

-- One row: who feeds until when. It only spares the SIEM repeats; what keeps gaps out is siem_progress.
create table ledger.siem_lease (
  name text primary key,
  holder uuid,
  held_until timestamptz(3) not null default '-infinity'
) with (fillfactor = 50);
insert into ledger.siem_lease (name) values ('feed');

grant select, insert, update on ledger.siem_progress to countersign_ledger;
grant select, update on ledger.siem_lease to countersign_ledger;
`

/** The SIEM feed's own place in each log. */
export class SiemFeed1763769600000 {
  readonly name = 'SiemFeed1763769600000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  // Without its place the feed would begin again with every log's first entry.
  async down(): Promise<void> {
    throw new Error('the migration of the SIEM feed is not reversible')
  }
}
