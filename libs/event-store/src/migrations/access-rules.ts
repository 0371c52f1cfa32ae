const everyService =
  'countersign_intake, countersign_policy, countersign_notifier, countersign_ledger, countersign_lineage, countersign_relay'
const deciders = 'countersign_intake, countersign_policy, countersign_notifier'

const tenantTables = [
  'event',
  'tenant_key',
  'intent_key',
  'sealed',
  'subject',
  'idempotency_key',
  'refusal_count',
  'producer',
  'agent',
  'person',
  'directory_group',
  'group_member',
  'account',
  'freeze',
  'register_change',
  'policy_set',
  'active_policy_set',
]

const rowSecurity = tenantTables
  .map(
    (table) => `
alter table countersign.${table} enable row level security;
create policy named_tenants on countersign.${table}
  using (tenant_id = any ((select countersign.named_tenants())::uuid[]))
  with check (tenant_id = any ((select countersign.named_tenants())::uuid[]));`,
  )
  .join('')

/**
 * Who may do what. Each transaction names the tenants it works for in `countersign.tenant` (ids, comma-separated: an
 * HTTP request names one, a consumer the tenants of its batch); rows of others don't exist for it, and without the
 * setting the read fails. Relay and ledger see the events of all tenants. The owner of the tables is not restricted:
 * it runs migrations and the append function, never a service.
 */
export const accessRules = `
create function countersign.named_tenants() returns uuid[]
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
  named text := nullif(current_setting('countersign.tenant', true), '');
begin
  if named is null then
    raise exception 'the transaction names no tenant' using errcode = 'CS007',
      hint = 'Set countersign.tenant for the transaction.';
  end if;
  return string_to_array(named, ',')::uuid[];
end
$$;
${rowSecurity}

create policy all_tenants on countersign.event for select to countersign_relay, countersign_ledger using (true);
create policy all_tenants on countersign.subject for select to countersign_ledger using (true);
-- These find out which tenant a caller belongs to, so no tenant can be named before.
create policy all_tenants on countersign.producer for select to countersign_intake, countersign_relay using (true);
create policy all_tenants on countersign.agent for select to countersign_intake using (true);
create policy all_tenants on countersign.account for select to countersign_notifier using (true);

revoke all on schema countersign from public;
revoke all on all functions in schema countersign from public;
grant usage on schema countersign to ${everyService};
grant execute on function countersign.named_tenants() to ${everyService};
grant execute on function countersign.store_identity() to ${everyService};
grant execute on function countersign.gate_age_ms() to ${everyService};
grant execute on function countersign.stream_rank(text) to ${deciders};
grant execute on function countersign.lock_streams(text[], uuid[]) to ${deciders};
grant execute on function countersign.append(
  text[], uuid[], uuid[], bigint[], integer[], uuid[], text[], text[], text[]) to ${deciders};
grant execute on function countersign.ensure_partitions() to countersign_intake, countersign_relay;
grant execute on function countersign.open_incarnation() to countersign_intake;

grant select on countersign.tenant, countersign.store_incarnation, countersign.event_owner, countersign.event
  to ${everyService};
grant insert on countersign.tenant to countersign_intake;
grant select on countersign.stream_head to countersign_ledger;

grant select, insert on countersign.tenant_key, countersign.intent_key, countersign.sealed to ${deciders};
grant delete on countersign.intent_key, countersign.sealed, countersign.subject to countersign_intake;
grant select, insert on countersign.subject to ${deciders};
grant select on countersign.subject to countersign_ledger;
grant select, insert on countersign.idempotency_key to countersign_intake;
grant select, insert, update on countersign.refusal_count to ${deciders};

grant select on countersign.producer, countersign.agent, countersign.person, countersign.directory_group,
  countersign.group_member, countersign.account, countersign.freeze, countersign.policy_set,
  countersign.active_policy_set to ${deciders}, countersign_ledger, countersign_lineage;
grant select on countersign.register_change to ${deciders}, countersign_ledger, countersign_lineage;
grant select on countersign.producer to countersign_relay;
grant insert, update on countersign.producer, countersign.agent, countersign.freeze to countersign_intake;
grant insert, update on countersign.person, countersign.directory_group, countersign.group_member,
  countersign.account to countersign_notifier;
grant delete on countersign.group_member, countersign.account to countersign_notifier;
grant insert, update on countersign.policy_set, countersign.active_policy_set to countersign_policy;
`
