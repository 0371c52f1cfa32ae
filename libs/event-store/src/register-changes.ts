import { refuse, type Refusal } from '@countersign/contracts'
import type pg from 'pg'
import { prepared } from './prepared.ts'
import { type Transaction, withTenants } from './transaction.ts'

/** A register whose changes another person reviews. */
export type ReviewedRegister = 'agent' | 'producer' | 'directory_group' | 'directory_feed'

/**
 * A change of an entry that nobody has reviewed yet. It is somebody's own when they made it, themselves or under another name,
 * or when both are reviewers on the same one person's word although there is another.
 */
export type UnreviewedChange = { readonly changeId: number; readonly isOwn: boolean }

export type EntryRef = { readonly tenantId: string; readonly register: ReviewedRegister; readonly name: string }

/** As many as an event may name. */
const mostChanges = 256

/**
 * Unreviewed changes of an entry up to one of them, oldest first, for whoever would review them; undefined when the entry was
 * never changed by anybody.
 */
export async function unreviewedChanges(
  tx: Transaction,
  { tenantId, register, name }: EntryRef,
  { upTo, by }: { readonly upTo: number; readonly by: string },
): Promise<UnreviewedChange[] | undefined> {
  const { rows } = await tx.query<{ change_id: string; is_own: boolean; is_open: boolean }>(
    prepared(
      `select change_id, is_open, is_open and countersign.is_own_change($1, changed_by, $6) as is_own from (
       select *, reviewed_by is null and change_id <= $4 as is_open from countersign.register_change
       where tenant_id = $1 and register = $2 and name = $3) as c
     order by not is_open, change_id limit $5`,
      [tenantId, register, name, upTo, mostChanges, by],
    ),
  )
  if (rows.length === 0) return undefined
  return rows.flatMap((row) => (row.is_open ? [{ changeId: Number(row.change_id), isOwn: row.is_own }] : []))
}

/**
 * Why somebody may not review now, whatever was so when their request was let in; undefined when they may: who is active, a
 * human, and counts in a group whose people review.
 */
export async function reviewerRefusal(
  tx: Transaction,
  { tenantId, by }: { readonly tenantId: string; readonly by: string },
): Promise<Refusal | undefined> {
  const { rows } = await tx.query<{ active: boolean; kind: string; reviews: boolean }>(
    prepared(
      `select p.active, p.kind, exists (select from countersign.group_member m
         where m.tenant_id = p.tenant_id and m.subject_id = p.subject_id and m.counts
           and m.group_name in ('operators', 'security-admins')) as reviews
       from countersign.person p where p.tenant_id = $1 and p.subject_id = $2`,
      [tenantId, by],
    ),
  )
  const [person] = rows
  if (person === undefined || !person.active) return refuse('person_inactive')
  if (person.kind !== 'human') return refuse('not_human')
  return person.reviews ? undefined : refuse('not_allowed')
}

/**
 * Why an account may not do now what only a human may, whatever its groups; undefined when it may. An account that several people
 * or a program sign in by is nobody, whatever the identity provider says of its token.
 */
export async function accountRefusal(
  pool: pg.Pool,
  { tenantId, subjectId }: { readonly tenantId: string; readonly subjectId: string },
): Promise<Refusal | undefined> {
  const { rows } = await withTenants(pool, [tenantId], (tx) =>
    tx.query<{ active: boolean; kind: string }>(
      prepared('select active, kind from countersign.person where tenant_id = $1 and subject_id = $2', [
        tenantId,
        subjectId,
      ]),
    ),
  )
  const [person] = rows
  if (person === undefined || !person.active) return refuse('person_inactive')
  return person.kind === 'human' ? undefined : refuse('not_human')
}

/** Notes who reviewed changes, as an effect of the review's event. */
export async function noteReview(
  tx: Transaction,
  { tenantId, register, name }: EntryRef,
  { changes, by }: { readonly changes: readonly number[]; readonly by: string },
): Promise<void> {
  await tx.query(
    prepared(
      `update countersign.register_change set reviewed_by = $5, reviewed_at = clock_timestamp()
     where tenant_id = $1 and register = $2 and name = $3 and change_id = any ($4::bigint[]) and reviewed_by is null`,
      [tenantId, register, name, changes, by],
    ),
  )
}

/** SQL for the newest 50 unreviewed changes of an entry as JSON: `alias` is the entry's table in the query. */
export const openChangesSql = (register: ReviewedRegister, alias: string): string =>
  `coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('changeId', c.change_id, 'changedBy', c.changed_by,
      'changedAt', to_char(c.changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'reason', c.reason))
      order by c.change_id)
    from (select * from countersign.register_change r where r.tenant_id = ${alias}.tenant_id
      and r.register = '${register}' and r.name = ${register === 'directory_feed' ? "'scim'" : `${alias}.name`} and r.reviewed_by is null
      order by r.change_id desc limit 50) as c), '[]')`
