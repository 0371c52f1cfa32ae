/**
 * Whose the programs of a client are: what was taken out of the register reads nothing any more, nor do the agents of a
 * producer that was.
 */
export const clientsInRegister = `
create or replace function lineage.client_of(token_iss text, token_client text)
returns table (tenant_id uuid, producer text, agent_subject_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.tenant_id, p.name, null::uuid from countersign.producer p
  where p.iss = token_iss and p.client_id = token_client and p.removed_at is null
  union all
  select a.tenant_id, null, a.subject_id from countersign.agent a
  where a.iss = token_iss and a.client_id = token_client and a.removed_at is null
    and not exists (select from countersign.producer p
      where p.tenant_id = a.tenant_id and p.name = a.producer and p.removed_at is not null)
$$;
`
