import type { EventData } from '@countersign/contracts'
import type { Transaction } from '@countersign/event-store'

/** Absent for members who count with nothing more to say. */
export type SeatsGiven = EventData<'DirectoryGroupChanged'>['seats']

/** Groups whose people review what others changed; what counts in them decides who else counts. */
const reviewingGroups: readonly string[] = ['operators', 'security-admins']

export const isReviewing = (group: string): boolean => reviewingGroups.includes(group)

/**
 * How the members count whom an operator puts into a group now, or the directory's feed where `changedBy` is null: its author is
 * whoever connected it, until another person has reviewed that.
 */
export const seatsGivenBy = async (
  tx: Transaction,
  tenantId: string,
  changedBy: string | null,
): Promise<SeatsGiven> => {
  const { rows } = await tx.query<{ is_reviewed: boolean; is_own: boolean; another_reviews: boolean }>(
    `select c.reviewed_by is not null as is_reviewed,
       countersign.word_of($1, c.reviewed_by) = countersign.word_of($1, c.changed_by) as is_own,
       countersign.another_reviews($1, c.changed_by) as another_reviews
     from (select $2::uuid as changed_by, null::uuid as reviewed_by where $2::uuid is not null
       union all (select changed_by, reviewed_by from countersign.register_change
         where $2::uuid is null and tenant_id = $1 and register = 'directory_feed' order by change_id desc limit 1)) as c`,
    [tenantId, changedBy],
  )
  const [row] = rows
  if (row === undefined) throw new Error('a feed that nobody has connected changed a group')
  if (row.is_reviewed) return row.is_own ? 'on_one_word' : undefined
  return row.another_reviews ? 'await_review' : 'on_one_word'
}

/** Whose word a reviewer's is, where one person alone made them one; undefined when it is their own. */
export const wordOf = async (tx: Transaction, tenantId: string, reviewer: string): Promise<string | undefined> => {
  const { rows } = await tx.query<{ word: string }>('select countersign.word_of($1, $2) as word', [tenantId, reviewer])
  const word = rows[0]?.word
  return word === reviewer ? undefined : word
}

type Given = {
  readonly tenantId: string
  /** Null for what is seeded or comes by the feed. */
  readonly changedBy: string | null
  readonly seeded: boolean
  readonly seats: SeatsGiven
}

// The newest change is the one of this transaction, and for a feed its connection.
const memberColumns = `added_by, change_id, counts, rests_on`
const changeOf = (group: string): string => `
  left join lateral (select c.change_id, c.changed_by from countersign.register_change c
    where not $4::boolean and c.tenant_id = $1 and c.register = case when $3::uuid is null then 'directory_feed' else 'directory_group' end
      and c.name = case when $3::uuid is null then 'scim' else ${group} end
    order by c.change_id desc limit 1) as c on true`
const given = `c.changed_by, c.change_id, $5::text is distinct from 'await_review',
  case when $5::text is not null then countersign.word_of($1, c.changed_by) end`

/** Puts people into a group, in the transaction of its event and behind the change of its row. */
export const addMembers = async (
  tx: Transaction,
  { tenantId, changedBy, seeded, seats }: Given,
  { group, added }: { readonly group: string; readonly added: readonly string[] },
): Promise<void> => {
  await tx.query(
    `insert into countersign.group_member (tenant_id, group_name, subject_id, ${memberColumns})
     select $1, $6, person, ${given} from unnest($2::uuid[]) as person ${changeOf('$6')}
     on conflict (tenant_id, group_name, subject_id) do nothing`,
    [tenantId, added, changedBy, seeded, seats ?? null, group],
  )
}

/**
 * Gives somebody who may act again their seats anew: whoever lets an account act that they may hold themselves gives it every
 * seat that it has. Like every statement that writes several seats, it locks them in the order of their key: a review of the
 * feed waits for the streams of neither people nor groups.
 */
export const seatAnew = async (
  tx: Transaction,
  { tenantId, changedBy, seeded, seats }: Given,
  { person, reason }: { readonly person: string; readonly reason: string | undefined },
): Promise<void> => {
  if (changedBy !== null) {
    await tx.query(
      `update countersign.directory_group set seeded = false, changed_by = $3, changed_at = clock_timestamp(),
         reviewed_by = null, change_reason = $4
       where tenant_id = $1 and name in (select group_name from countersign.group_member
         where tenant_id = $1 and subject_id = $2)`,
      [tenantId, person, changedBy, reason ?? null],
    )
  }
  await tx.query(
    `with held as materialized (select group_name from countersign.group_member
       where tenant_id = $1 and subject_id = $2 order by group_name for update)
     update countersign.group_member m set since = clock_timestamp(), (${memberColumns}) = (
       select ${given} from (values (1)) as one ${changeOf('m.group_name')})
     from held where m.tenant_id = $1 and m.group_name = held.group_name and m.subject_id = $2`,
    [tenantId, person, changedBy, seeded, seats ?? null],
  )
}

/** Lets the members count whom reviewed changes have brought. They rest on two people's words where the reviewer's is another. */
export const countMembers = async (
  tx: Transaction,
  tenantId: string,
  { changes, by }: { readonly changes: readonly number[]; readonly by: string },
): Promise<void> => {
  await tx.query(
    `with brought as materialized (select group_name, subject_id from countersign.group_member
       where tenant_id = $1 and change_id = any ($2::bigint[]) order by group_name, subject_id for update)
     update countersign.group_member m set counts = true,
       since = case when m.counts then m.since else clock_timestamp() end,
       rests_on = case when countersign.word_of($1, $3) = m.rests_on then m.rests_on end
     from brought b where m.tenant_id = $1 and (m.group_name, m.subject_id) = (b.group_name, b.subject_id)
       and m.change_id = any ($2::bigint[])`,
    [tenantId, changes, by],
  )
}
