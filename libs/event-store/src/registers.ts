import { prepared } from './prepared.ts'
import type pg from 'pg'
import type { Transaction } from './transaction.ts'

/** When a register row was last changed, by whom, and whether another person has looked at it since. */
export type ChangeRecord = {
  readonly seeded: boolean
  readonly changedBy: string | null
  readonly changedAt: string
  readonly reviewedBy: string | null
}

export type ProducerEntry = ChangeRecord & {
  readonly tenantId: string
  readonly name: string
  readonly iss: string | null
  readonly clientId: string | null
  readonly ownerSubjectId: string | null
  readonly ownerGroup: string | null
  readonly removedAt: string | null
}

export type AgentEntry = ChangeRecord & {
  readonly tenantId: string
  readonly name: string
  readonly subjectId: string
  readonly kind: 'agent' | 'pipeline' | 'person'
  readonly ownerSubjectId: string | null
  readonly ownerGroup: string | null
  readonly producer: string
  readonly iss: string | null
  readonly clientId: string | null
  /** RFC 7638 thumbprint of the key that its executor proves to hold; null when it has none. */
  readonly executorKeyThumbprint: string | null
  readonly removedAt: string | null
}

export type PersonEntry = {
  readonly tenantId: string
  readonly subjectId: string
  readonly displayName: string
  readonly email: string | null
  readonly active: boolean
}

export type GroupEntry = ChangeRecord & { readonly tenantId: string; readonly name: string }

export type MembershipEntry = {
  readonly tenantId: string
  readonly groupName: string
  readonly subjectId: string
  readonly since: string
}

export type AccountEntry = {
  readonly tenantId: string
  readonly provider: string
  readonly teamId: string
  readonly userId: string
  readonly accountId: string
  readonly subjectId: string
  readonly linkedAt: string
  /** Its person has said that it is theirs. Until then it is what an operator says, and nobody's. */
  readonly confirmed: boolean
}

export type FreezeEntry = {
  readonly tenantId: string
  readonly freezeId: string
  readonly scopeKind: 'all' | 'tenant' | 'producer' | 'agent' | 'action' | 'environment'
  readonly scopeValue: string | null
  readonly frozenBy: string
  readonly frozenAt: string
  readonly reason: string | null
}

export type ActivePolicySet = {
  readonly tenantId: string
  readonly digest: string
  /** The set's text; null where the caller keeps it already. */
  readonly bundle: string | null
  readonly seeded: boolean
  readonly createdBy: string | null
  readonly createdAt: string
  readonly reviewedBy: string | null
  readonly activatedBy: string | null
  readonly activatedAt: string
}

type Row = Record<string, unknown>

// Rows carry the names of their columns; entries have ours and times as ISO-8601 text.
const entryOf = <Entry>(row: Row): Entry =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value instanceof Date ? value.toISOString() : value,
    ]),
  ) as Entry

async function select<Entry>(tx: Transaction, text: string, values: unknown[]): Promise<Entry[]> {
  const { rows } = await tx.query<Row>(prepared(text, values))
  return rows.map((row) => entryOf<Entry>(row))
}

type Named = { readonly tenantId: string; readonly name: string }
type OfSubject = { readonly tenantId: string; readonly subjectId: string }
type Client = { readonly iss: string; readonly clientId: string }
type ChatUser = { readonly provider: string; readonly teamId: string; readonly userId: string }

const tenantsOf = (refs: readonly { readonly tenantId: string }[]) => refs.map((ref) => ref.tenantId)

/** Every tenant; names are unique. */
export const allTenants = (
  tx: Transaction | pg.Pool,
): Promise<{ readonly tenantId: string; readonly name: string }[]> =>
  select(tx, 'select tenant_id, name from countersign.tenant order by tenant_id', [])

/** Producers by name. */
export const producersByName = (tx: Transaction, refs: readonly Named[]): Promise<ProducerEntry[]> =>
  select(
    tx,
    `select p.* from unnest($1::uuid[], $2::text[]) as wanted(tenant_id, name)
     cross join lateral (select * from countersign.producer i
       where i.tenant_id = wanted.tenant_id and i.name = wanted.name offset 0) as p`,
    [tenantsOf(refs), refs.map((ref) => ref.name)],
  )

/** Agents by name. */
export const agentsByName = (tx: Transaction, refs: readonly Named[]): Promise<AgentEntry[]> =>
  select(
    tx,
    `select a.* from unnest($1::uuid[], $2::text[]) as wanted(tenant_id, name)
     cross join lateral (select * from countersign.agent i
       where i.tenant_id = wanted.tenant_id and i.name = wanted.name offset 0) as a`,
    [tenantsOf(refs), refs.map((ref) => ref.name)],
  )

/** Agents by the client that a token names. Intake sees those of all tenants: it finds out the tenant by them. */
export const agentsByClient = (tx: Transaction, clients: readonly Client[]): Promise<AgentEntry[]> =>
  select(
    tx,
    `select a.* from unnest($1::text[], $2::text[]) as wanted(iss, client_id)
     cross join lateral (select * from countersign.agent i
       where i.iss = wanted.iss and i.client_id = wanted.client_id offset 0) as a`,
    [clients.map((client) => client.iss), clients.map((client) => client.clientId)],
  )

/** People by subject id, inactive ones too. */
export const peopleById = (tx: Transaction, refs: readonly OfSubject[]): Promise<PersonEntry[]> =>
  select(
    tx,
    `select p.* from unnest($1::uuid[], $2::uuid[]) as wanted(tenant_id, subject_id)
     cross join lateral (select * from countersign.person i
       where i.tenant_id = wanted.tenant_id and i.subject_id = wanted.subject_id offset 0) as p`,
    [tenantsOf(refs), refs.map((ref) => ref.subjectId)],
  )

/** Groups by name, with whoever changed them last. */
export const groupsByName = (tx: Transaction, refs: readonly Named[]): Promise<GroupEntry[]> =>
  select(
    tx,
    `select g.* from unnest($1::uuid[], $2::text[]) as wanted(tenant_id, name)
     cross join lateral (select * from countersign.directory_group i
       where i.tenant_id = wanted.tenant_id and i.name = wanted.name offset 0) as g`,
    [tenantsOf(refs), refs.map((ref) => ref.name)],
  )

/** Groups that people are in, and that count for them. */
export const groupsOfPeople = (tx: Transaction, refs: readonly OfSubject[]): Promise<MembershipEntry[]> =>
  select(
    tx,
    `select m.* from unnest($1::uuid[], $2::uuid[]) as wanted(tenant_id, subject_id)
     cross join lateral (select * from countersign.group_member i
       where i.tenant_id = wanted.tenant_id and i.subject_id = wanted.subject_id and i.counts offset 0) as m`,
    [tenantsOf(refs), refs.map((ref) => ref.subjectId)],
  )

/** People that are in groups. */
export const membersOfGroups = (tx: Transaction, refs: readonly Named[]): Promise<MembershipEntry[]> =>
  select(
    tx,
    `select m.* from unnest($1::uuid[], $2::text[]) as wanted(tenant_id, group_name)
     cross join lateral (select * from countersign.group_member i
       where i.tenant_id = wanted.tenant_id and i.group_name = wanted.group_name offset 0) as m`,
    [tenantsOf(refs), refs.map((ref) => ref.name)],
  )

/** Accounts by platform user. Notifier sees those of all tenants: it finds out the tenant by them. */
export const accountsByUser = (tx: Transaction, users: readonly ChatUser[]): Promise<AccountEntry[]> =>
  select(
    tx,
    `select a.* from unnest($1::text[], $2::text[], $3::text[]) as wanted(provider, team_id, user_id)
     cross join lateral (select * from countersign.account i
       where i.provider = wanted.provider and i.team_id = wanted.team_id and i.user_id = wanted.user_id offset 0) as a`,
    [users.map((user) => user.provider), users.map((user) => user.teamId), users.map((user) => user.userId)],
  )

/** An account by the id that events know it by; undefined when it is linked to nobody. */
export const accountById = async (
  tx: Transaction,
  { tenantId, accountId }: { readonly tenantId: string; readonly accountId: string },
): Promise<AccountEntry | undefined> => {
  const [found] = await select<AccountEntry>(
    tx,
    'select * from countersign.account where tenant_id = $1 and account_id = $2',
    [tenantId, accountId],
  )
  return found
}

/** Accounts that people have. */
export const accountsOfPeople = (tx: Transaction, refs: readonly OfSubject[]): Promise<AccountEntry[]> =>
  select(
    tx,
    `select a.* from unnest($1::uuid[], $2::uuid[]) as wanted(tenant_id, subject_id)
     cross join lateral (select * from countersign.account i
       where i.tenant_id = wanted.tenant_id and i.subject_id = wanted.subject_id offset 0) as a`,
    [tenantsOf(refs), refs.map((ref) => ref.subjectId)],
  )

/** Freezes in force that concern tenants, oldest first: their own, and those of the whole deployment. */
export const activeFreezes = (tx: Transaction, tenantIds: readonly string[]): Promise<FreezeEntry[]> =>
  select(
    tx,
    `select tenant_id, freeze_id, scope_kind, scope_value, frozen_by, frozen_at, reason from countersign.freeze
     where active and (tenant_id = any ($1::uuid[]) or scope_kind = 'all') order by frozen_at, freeze_id`,
    [tenantIds],
  )

const activeSets = `select s.tenant_id, s.digest,
    case when s.digest = any ($2::text[]) then null else s.bundle end as bundle, s.seeded, s.created_by, s.created_at, s.reviewed_by,
    a.activated_by, a.activated_at
  from countersign.active_policy_set a join countersign.policy_set s using (tenant_id, digest)
  where a.tenant_id = any ($1::uuid[])`

/** Active policy sets with their bundles, but for those whose digests are `kept`. */
export const activePolicySets = (
  tx: Transaction,
  tenantIds: readonly string[],
  kept: readonly string[] = [],
): Promise<ActivePolicySet[]> => select(tx, activeSets, [tenantIds, kept])

/**
 * Digests of the active policy sets by tenant, held until the transaction ends: as an effect after the append of
 * PolicyEvaluated, which has to be rolled back when its digest is no longer the active one. Only policy may.
 */
export async function holdActivePolicySets(
  tx: Transaction,
  tenantIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ tenant_id: string; digest: string }>(
    `select tenant_id, digest from countersign.active_policy_set
     where tenant_id = any ($1::uuid[]) order by tenant_id for share`,
    [tenantIds],
  )
  return new Map(rows.map((row) => [row.tenant_id, row.digest]))
}
