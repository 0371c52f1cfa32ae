import type { SeatOnOneWord } from '@countersign/contracts'
import { askedTogether } from './asked-together.ts'
import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** Whose standing is asked: the agent and producer of an intent, the groups of its seats, and people. */
export type StandingQuestion = {
  readonly tenantId: string
  readonly agent: string
  readonly producer: string
  /** Agents that the request passed through: their owners are owners too. */
  readonly parentAgents: readonly string[]
  readonly groups: readonly string[]
  readonly people: readonly string[]
  /** When the review was asked for, ISO 8601; null asks nothing about then. */
  readonly askedAt: string | null
  /** OAuth client that holds the token with which somebody decides; absent where nobody shows one. */
  readonly client?: { readonly issuer: string; readonly clientId: string } | undefined
}

/** What the registers say now, as the intent's core wants it. */
export type RegisterStanding = {
  readonly owners: readonly string[]
  readonly groupsOf: ReadonlyMap<string, readonly string[]>
  /** Groups of each person that they joined before `askedAt` and have not left since. */
  readonly heldWhenAsked: ReadonlyMap<string, readonly string[]>
  /** Groups of the seats that one person has put some of them into, and no other has reviewed: they do not count yet. */
  readonly awaitingReview: ReadonlyMap<string, readonly string[]>
  readonly unreviewedAuthors: readonly string[]
  /** Those among the people who are shared accounts or programs. */
  readonly notHuman: readonly string[]
  /** Who else each of the people is, at another identity provider; most are nobody else and absent. */
  readonly alsoKnownAs: ReadonlyMap<string, readonly string[]>
  /** Who put each of the people into a group of the seats where nobody else could review it, and nobody has; most are absent. */
  readonly seatedBy: ReadonlyMap<string, readonly string[]>
  /** Seats of each of the people that rest on one person's word, reviewed or not; most are absent. */
  readonly onOneWord: ReadonlyMap<string, readonly SeatOnOneWord[]>
  /**
   * A program holds the token: the client that was asked about is an agent's own, the one through which this agent asks, or
   * that of a producer of another tenant.
   */
  readonly throughProgram: boolean
  /** Nothing was heard of the directory's feed for longer than the tenant allows. */
  readonly directoryStale: boolean
}

type GroupsOf = Record<string, string[]>
type SeatRow = {
  person: string
  group: string
  word: string
  givenBy: string | null
  change: number | null
  isOpen: boolean
}
type StandingRow = {
  owners: string[] | null
  groups_of: GroupsOf | null
  held_when_asked: GroupsOf | null
  awaiting_review: GroupsOf | null
  authors: string[] | null
  not_human: string[] | null
  also_known_as: GroupsOf | null
  on_one_word: SeatRow[] | null
  through_program: boolean
  stale: boolean
}

// Whoever made a change is kept out for 7 days in any case, and until another person has reviewed that change.
const unreviewed = `(reviewed_by is null or reviewed_by = changed_by or changed_at > clock_timestamp() - interval '7 days')`
// Nobody passes an agent on, or leaves the group that owns it, to approve what it asks for next.
const recent = `until > clock_timestamp() - interval '7 days'`

const groupsHeld = (condition: string): string => `
  (select jsonb_object_agg(p.subject_id, coalesce((
     select jsonb_agg(m.group_name order by m.group_name) from countersign.group_member m
     where m.tenant_id = q.tenant and m.subject_id = p.subject_id and ${condition}), '[]'))
   from countersign.person p where p.tenant_id = q.tenant and p.active
     and p.subject_id in (select value::uuid from jsonb_array_elements_text(q.people)))`

// A chain of links is one person: whoever is the same as the same.
const alsoKnownAs = `
  (select jsonb_object_agg(p.id, (
     with recursive same(id) as (
       select p.id
       union
       select case when l.person = same.id then l.other else l.person end from same
         join countersign.person_link l on l.tenant_id = q.tenant and same.id in (l.person, l.other))
     select jsonb_agg(same.id order by same.id) from same where same.id <> p.id))
   from (select value::uuid as id from jsonb_array_elements_text(q.people)) as p
   where exists (select from countersign.person_link l where l.tenant_id = q.tenant and p.id in (l.person, l.other)))`

const membersOfSeats = `countersign.group_member m where m.tenant_id = q.tenant
       and m.subject_id in (select value::uuid from jsonb_array_elements_text(q.people))
       and m.group_name in (select jsonb_array_elements_text(q.groups))`

const awaitingReview = `
  (select jsonb_object_agg(s.subject_id, s.groups) from (
     select m.subject_id, jsonb_agg(m.group_name order by m.group_name) as groups from ${membersOfSeats} and not m.counts
     group by m.subject_id) as s)`

const onOneWord = `
  (select jsonb_agg(jsonb_build_object('person', m.subject_id, 'group', m.group_name, 'word', m.rests_on,
       'givenBy', m.added_by, 'change', m.change_id, 'isOpen', exists (select from countersign.register_change c
         where c.tenant_id = q.tenant and c.change_id = m.change_id and c.reviewed_by is null))
       order by m.subject_id, m.group_name) from ${membersOfSeats} and m.counts and m.rests_on is not null)`

// People who ask for themselves share a client with whom they may decide as well. So of the producers here only that of the agent
// that asks counts; nobody here knows what asks through those of other tenants, so any of them does.
const throughProgram = `
  (q.client is not null and (
     countersign.is_programs_client(q.iss, q.client, q.tenant)
     or exists (select from countersign.agent a
       join countersign.producer p on p.tenant_id = a.tenant_id and p.name = a.producer and p.iss = q.iss and p.client_id = q.client
       where a.tenant_id = q.tenant and a.name in (select jsonb_array_elements_text(q.agents)) and a.kind <> 'person')))`

const standingSql = `
select
  (with owning as (
     select a.owner_subject_id as person, a.owner_group as owner_group from countersign.agent a
       where a.tenant_id = q.tenant and a.name in (select jsonb_array_elements_text(q.agents))
     union select p.owner_subject_id, p.owner_group from countersign.producer p
       where p.tenant_id = q.tenant and p.name = q.producer
     union select f.owner_subject_id, f.owner_group from countersign.former_owner f
       where f.tenant_id = q.tenant and f.${recent} and (
         (f.register = 'agent' and f.name in (select jsonb_array_elements_text(q.agents)))
         or (f.register = 'producer' and f.name = q.producer)))
   select array_agg(distinct owner) from (
     select person as owner from owning
     union select m.subject_id from countersign.group_member m
       where m.tenant_id = q.tenant and m.group_name in (select owner_group from owning)
     union select f.subject_id from countersign.former_member f
       where f.tenant_id = q.tenant and f.${recent} and f.group_name in (select owner_group from owning)
   ) as o where owner is not null) as owners,
  ${groupsHeld('m.counts')} as groups_of,
  ${groupsHeld('m.counts and (q.asked_at is null or m.since <= q.asked_at)')} as held_when_asked,
  ${awaitingReview} as awaiting_review,
  (select array_agg(distinct changed_by) from (
     select changed_by from countersign.register_change where tenant_id = q.tenant and ${unreviewed} and (
       (register = 'agent' and name in (select jsonb_array_elements_text(q.agents)))
       or (register = 'producer' and name = q.producer)
       or register = 'directory_feed'
       or (register = 'directory_group' and (name in (select jsonb_array_elements_text(q.groups)) or name in (
         select a.owner_group from countersign.agent a
           where a.tenant_id = q.tenant and a.name in (select jsonb_array_elements_text(q.agents))
         union select p.owner_group from countersign.producer p where p.tenant_id = q.tenant and p.name = q.producer))))
   ) as c) as authors,
  (select array_agg(p.subject_id) from countersign.person p where p.tenant_id = q.tenant and p.kind <> 'human'
     and p.subject_id in (select value::uuid from jsonb_array_elements_text(q.people))) as not_human,
  ${alsoKnownAs} as also_known_as,
  ${onOneWord} as on_one_word,
  ${throughProgram} as through_program,
  exists (select from countersign.directory_feed f where f.tenant_id = q.tenant
    and f.seen_at < clock_timestamp() - f.max_age_ms * interval '1 millisecond') as stale
from rows from (jsonb_to_recordset($1::jsonb)
    as (tenant uuid, agents jsonb, producer text, groups jsonb, people jsonb, asked_at timestamptz, iss text, client text))
  with ordinality as q(tenant, agents, producer, groups, people, asked_at, iss, client, place)
order by q.place`

const givenOnOneWord = (rows: readonly SeatRow[]): Pick<RegisterStanding, 'seatedBy' | 'onOneWord'> => {
  const seatedBy = new Map<string, string[]>()
  const seats = new Map<string, SeatOnOneWord[]>()
  for (const { person, group, word, givenBy, change, isOpen } of rows) {
    const seat = { group, word, ...(change === null ? {} : { change }) }
    seats.set(person, [...(seats.get(person) ?? []), seat])
    const words = [...(givenBy === null ? [] : [givenBy]), word]
    if (isOpen) seatedBy.set(person, [...(seatedBy.get(person) ?? []), ...words])
  }
  return { seatedBy, onOneWord: seats }
}

/** Standing for many intents in one round trip, in the order of the questions; whoever asks in one turn shares it. */
export const readStanding = askedTogether(
  async (tx, questions: readonly StandingQuestion[]): Promise<RegisterStanding[]> => {
    const asked = questions.map(({ tenantId, agent, parentAgents, askedAt, producer, groups, people, client }) => ({
      tenant: tenantId,
      agents: [agent, ...parentAgents],
      producer,
      groups,
      people,
      asked_at: askedAt,
      iss: client?.issuer ?? null,
      client: client?.clientId ?? null,
    }))
    const { rows } = await tx.query<StandingRow>(prepared(standingSql, [JSON.stringify(asked)]))
    return rows.map((row) => ({
      owners: row.owners ?? [],
      groupsOf: new Map(Object.entries(row.groups_of ?? {})),
      heldWhenAsked: new Map(Object.entries(row.held_when_asked ?? {})),
      awaitingReview: new Map(Object.entries(row.awaiting_review ?? {})),
      unreviewedAuthors: row.authors ?? [],
      notHuman: row.not_human ?? [],
      alsoKnownAs: new Map(Object.entries(row.also_known_as ?? {})),
      ...givenOnOneWord(row.on_one_word ?? []),
      throughProgram: row.through_program,
      directoryStale: row.stale,
    }))
  },
)

/**
 * Whether a token that was given to this OAuth client is in a program's hands: the client is an agent's own, or that of a
 * producer with agents that are no people, of whatever tenant, as one issuer may serve several.
 */
export async function isProgramsClient(
  on: Transaction,
  { issuer, clientId }: { readonly issuer: string; readonly clientId: string },
): Promise<boolean> {
  const { rows } = await on.query<{ held: boolean }>(
    prepared('select countersign.is_programs_client($1, $2, null) as held', [issuer, clientId]),
  )
  return rows[0]?.held !== false
}

/** What may be frozen of an action. */
export type FreezeQuestion = {
  readonly tenantId: string
  readonly producer: string
  readonly agent: string
  readonly action: string
  readonly environment: string
}

/**
 * Whether a freeze covers an action: of the whole deployment, the tenant, its producer, its agent, the action or the
 * environment. An agent that was taken out of the register is frozen for good. Read from the store each time, so that a
 * freeze counts from its commit on.
 */
export const readFrozen = askedTogether(async (tx, questions: readonly FreezeQuestion[]): Promise<boolean[]> => {
  const { rows } = await tx.query<{ frozen: boolean }>(
    prepared(
      `select exists (select from countersign.freeze f where f.active and f.scope_kind = 'all')
       or exists (select from countersign.freeze f where f.tenant_id = q.tenant and f.active and (
         f.scope_kind = 'tenant' or (f.scope_kind = 'producer' and f.scope_value = q.producer)
         or (f.scope_kind = 'agent' and f.scope_value = q.agent)
         or (f.scope_kind = 'action' and f.scope_value = q.action)
         or (f.scope_kind = 'environment' and f.scope_value = q.environment)))
       or exists (select from countersign.agent a where a.tenant_id = q.tenant and a.name = q.agent
         and a.removed_at is not null) as frozen
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
       with ordinality as q(tenant, producer, agent, action, environment, place)
     order by q.place`,
      [
        questions.map((one) => one.tenantId),
        questions.map((one) => one.producer),
        questions.map((one) => one.agent),
        questions.map((one) => one.action),
        questions.map((one) => one.environment),
      ],
    ),
  )
  return rows.map((row) => row.frozen)
})

/** Whether somebody else keeps the directory of a tenant: then nobody changes it here. */
export async function isDirectoryFed(tx: Transaction, tenantId: string): Promise<boolean> {
  const { rows } = await tx.query(prepared('select from countersign.directory_feed where tenant_id = $1', [tenantId]))
  return rows.length > 0
}
