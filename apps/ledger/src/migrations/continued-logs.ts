const statements = `
-- A log that lost entries with a restored database goes on under another origin. Each checkpoint keeps the name that it was
-- signed under, and the act that renamed the log is an entry of it.
grant update (origin) on ledger.log to countersign_ledger;

create function ledger.refuse_other_name() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not starts_with(new.origin, old.origin || '/') then
    raise exception 'the name of a log only gets longer' using errcode = '55000';
  end if;
  return new;
end
$$;
create trigger only_longer before update on ledger.log for each row execute function ledger.refuse_other_name();
`

/** Logs may get another origin. */
export class ContinuedLogs1795341600000 {
  readonly name = 'ContinuedLogs1795341600000'

  async up(runner: { query(statements: string): Promise<unknown> }): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the ledger do not go down')
  }
}
