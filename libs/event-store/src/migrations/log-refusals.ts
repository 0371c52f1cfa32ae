import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Logs that the ledger does not sign, for whoever decides whether they go on: intake may not look into the ledger itself.
-- Only through the functions below, so nobody's row is anybody's to read.
create table countersign.log_refusal (
  log_id uuid primary key,
  tenant_id uuid not null references countersign.tenant,
  code text not null,
  former_origin text,
  former_size bigint,
  former_root bytea,
  kept_size bigint,
  check (num_nulls(former_origin, former_size, former_root, kept_size) in (0, 4))
);
alter table countersign.log_refusal enable row level security;

-- A repeat changes nothing, so that a log that is looked at every second is not written every second.
create function countersign.note_log_refusal(
  refused_log uuid, of_tenant uuid, with_code text, origin text, size bigint, root bytea, kept bigint
) returns void
language sql security definer set search_path = pg_catalog, countersign, pg_temp
as $$
  insert into log_refusal as r values (refused_log, of_tenant, with_code, origin, size, root, kept)
  on conflict (log_id) do update set code = excluded.code, former_origin = excluded.former_origin,
    former_size = excluded.former_size, former_root = excluded.former_root, kept_size = excluded.kept_size
  where (r.code, r.former_origin, r.former_size, r.former_root, r.kept_size)
    is distinct from (excluded.code, excluded.former_origin, excluded.former_size, excluded.former_root, excluded.kept_size)
$$;

create function countersign.forget_log_refusal(signed_log uuid) returns void
language sql security definer set search_path = pg_catalog, countersign, pg_temp
as $$ delete from log_refusal where log_id = signed_log $$;

create function countersign.log_refusals() returns setof countersign.log_refusal
language sql stable security definer set search_path = pg_catalog, countersign, pg_temp
as $$ select * from log_refusal order by log_id $$;

revoke all on function countersign.note_log_refusal(uuid, uuid, text, text, bigint, bytea, bigint),
  countersign.forget_log_refusal(uuid), countersign.log_refusals() from public;
grant execute on function countersign.note_log_refusal(uuid, uuid, text, text, bigint, bytea, bigint),
  countersign.forget_log_refusal(uuid) to countersign_ledger;
grant execute on function countersign.log_refusals() to countersign_intake;
`

/** Logs that are not signed, as the ledger tells intake. */
export class LogRefusals1795341600000 implements MigrationInterface {
  readonly name = 'LogRefusals1795341600000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
