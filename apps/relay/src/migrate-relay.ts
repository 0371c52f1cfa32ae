import { migrateSchema } from '@countersign/event-store'

const tables = `
-- One row: who may publish until when, and what was published last.
create table relay.lease (
  name text primary key,
  holder uuid,
  held_until timestamptz(3) not null default '-infinity',
  incarnation integer not null default 0,
  xid xid8 not null default '0',
  position bigint not null default 0
) with (fillfactor = 50);
insert into relay.lease (name) values ('events');
grant usage on schema relay to countersign_relay;
grant select, update on relay.lease to countersign_relay;
`

class RelayInitial1763683200003 {
  readonly name = 'RelayInitial1763683200003'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('the first migration of the relay is not reversible')
  }
}

/** Brings the relay's own table up to date, as the owner of the store. Idempotent. */
export const migrateRelay = (ownerUrl: string): Promise<void> =>
  migrateSchema({ ownerUrl, schema: 'relay', migrations: [RelayInitial1763683200003] })
