import type { MigrationInterface, QueryRunner } from 'typeorm'

const statements = `
-- Clients are found by (iss, client_id): agent_of_client and producer_of_client. What is missing is a producer's agents.
create index agent_of_producer on countersign.agent (tenant_id, producer);

-- Whether a program holds the tokens of a client. One issuer serves several tenants, so the register of any of them says so; it
-- runs as the owner and answers nothing but yes or no. Producers of but_producers_of are left to who knows which agent asks.
-- The plan is the same whatever the tables held when it was made.
create function countersign.is_programs_client(token_iss text, token_client text, but_producers_of uuid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return exists (select from countersign.agent a
      where a.iss = token_iss and a.client_id = token_client and a.kind <> 'person')
    or exists (select from countersign.producer p
      where p.iss = token_iss and p.client_id = token_client and p.tenant_id is distinct from but_producers_of
        and exists (select from countersign.agent a where a.tenant_id = p.tenant_id and a.producer = p.name
          and a.kind <> 'person' and a.removed_at is null));
end
$$;
revoke all on function countersign.is_programs_client(text, text, uuid) from public;
grant execute on function countersign.is_programs_client(text, text, uuid) to countersign_intake, countersign_notifier;
`

/** Programs that hold tokens of people, whichever tenant they are registered in. */
export class ProgramsClients1795345200001 implements MigrationInterface {
  readonly name = 'ProgramsClients1795345200001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(statements)
  }

  async down(): Promise<void> {
    throw new Error('migrations of the store do not go down')
  }
}
