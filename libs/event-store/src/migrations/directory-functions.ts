/**
 * Look-ups that come before any tenant can be named: which tenant's person a token's (iss, sub) stands for. They run as
 * the owner and answer nothing but ids, so that no service may read the mapping of another tenant.
 */
export const directoryFunctions = `
create function countersign.person_of(token_iss text, token_sub text)
returns table (tenant_id uuid, subject_id uuid, groups text[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.tenant_id, p.subject_id,
    coalesce((select array_agg(m.group_name order by m.group_name) from countersign.group_member m
      where m.tenant_id = p.tenant_id and m.subject_id = p.subject_id), '{}')
  from countersign.subject s
  join countersign.person p on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id
  where s.iss = token_iss and s.sub = token_sub and p.active
  order by p.tenant_id
$$;
revoke all on function countersign.person_of(text, text) from public;
grant execute on function countersign.person_of(text, text)
  to countersign_intake, countersign_policy, countersign_notifier, countersign_ledger, countersign_lineage;
`
