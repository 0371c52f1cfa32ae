/** Security keys of people, by the id that their authenticator gave them: one key has one person, ever. */
const tables = `
create table notifier.security_key (
  credential_id text primary key,
  key_id uuid not null unique,
  tenant_id uuid not null,
  person uuid not null,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  registered_at timestamptz(3) not null default clock_timestamp()
);
create index security_key_of_person on notifier.security_key (tenant_id, person);

grant select, insert, update on notifier.security_key to countersign_notifier;
`

/** Applied once and never edited after a release: what follows gets a class of its own. */
export class NotifierSecurityKeys1795305600003 {
  readonly name = 'NotifierSecurityKeys1795305600003'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('migrations of notifier do not go down')
  }
}
