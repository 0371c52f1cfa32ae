/**
 * Pages for people: who signed in a moment ago, and the addresses that were handed out in chats. Secrets are stored as
 * hashes, and a row does not outlive its use by much.
 */
const tables = `
create table notifier.page_session (
  session_hash bytea primary key,
  tenant_id uuid not null,
  person uuid not null,
  assurance text not null,
  auth_time timestamptz(3),
  expires_at timestamptz(3) not null
);
create index page_session_ends on notifier.page_session (expires_at);

create table notifier.page_ticket (
  kind text not null check (kind in ('link', 'verdict')),
  tenant_id uuid not null,
  about text not null,
  ticket_hash bytea not null unique,
  content jsonb not null,
  expires_at timestamptz(3) not null,
  primary key (kind, tenant_id, about)
);
create index page_ticket_ends on notifier.page_ticket (expires_at);

grant select, insert, update, delete on notifier.page_session, notifier.page_ticket to countersign_notifier;
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierPages1795305600002 {
  readonly name = 'NotifierPages1795305600002'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('migrations of notifier do not go down')
  }
}
