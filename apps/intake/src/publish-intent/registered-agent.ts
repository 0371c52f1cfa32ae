import type { PrincipalKind } from '@countersign/contracts'
import { agentsByClient, prepared, type Transaction } from '@countersign/event-store'

/** An agent as the register knows it now, with the people who own it or its producer. */
export type RegisteredAgent = {
  readonly tenantId: string
  readonly name: string
  readonly subjectId: string
  readonly kind: PrincipalKind
  readonly producer: string
  readonly owners: readonly string[]
}

type Row = {
  tenant_id: string
  name: string
  subject_id: string
  kind: PrincipalKind
  producer: string
  owners: string[] | null
}

/** Agents by name in one round trip, without removed ones; groups that own are expanded to their members. */
export const readAgents = async (
  tx: Transaction,
  names: readonly { tenantId: string; name: string }[],
): Promise<RegisteredAgent[]> => {
  const { rows } = await tx.query<Row>(
    prepared(
      `select a.tenant_id, a.name, a.subject_id, a.kind, a.producer,
       (select array_agg(distinct owner) from (
          select a.owner_subject_id as owner union select p.owner_subject_id
          union select m.subject_id from countersign.group_member m
            where m.tenant_id = a.tenant_id and m.group_name in (a.owner_group, p.owner_group)
        ) as o where owner is not null) as owners
     from (select distinct * from unnest($1::uuid[], $2::text[])) as wanted(tenant_id, name)
     cross join lateral (select * from countersign.agent i
       where i.tenant_id = wanted.tenant_id and i.name = wanted.name and i.removed_at is null offset 0) as a
     left join countersign.producer p on p.tenant_id = a.tenant_id and p.name = a.producer`,
      [names.map(({ tenantId }) => tenantId), names.map(({ name }) => name)],
    ),
  )
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    name: row.name,
    subjectId: row.subject_id,
    kind: row.kind,
    producer: row.producer,
    owners: row.owners ?? [],
  }))
}

/** Somebody of a proven delegation chain, in a tenant. */
export type ChainMember = { readonly tenantId: string; readonly issuer: string; readonly subject: string }

/** Names of the registered agents among the members of chains, by `memberKey`. */
export const readParentAgents = async (
  tx: Transaction,
  members: readonly ChainMember[],
): Promise<ReadonlyMap<string, string>> => {
  if (members.length === 0) return new Map()
  const agents = await agentsByClient(
    tx,
    members.map(({ issuer, subject }) => ({ iss: issuer, clientId: subject })),
  )
  return new Map(
    agents.map(({ tenantId, iss, clientId, name }) => [
      memberKey({ tenantId, issuer: iss ?? '', subject: clientId ?? '' }),
      name,
    ]),
  )
}

export const memberKey = ({ tenantId, issuer, subject }: ChainMember): string =>
  JSON.stringify([tenantId, issuer, subject])
