import type { RecordedEventOf } from '@countersign/contracts'
import type { Cursor, StoredEvent, Transaction } from '@countersign/event-store'

/** When an open intent ends; null once nothing of policy's can end it any more. */
export type Deadline = { readonly intentId: string; readonly tenantId: string; readonly dueAt: string | null }

/** What an event says about when its intent ends; undefined when it says nothing about it. */
const dueAtOf = (event: RecordedEventOf): string | null | undefined => {
  switch (event.type) {
    case 'ActionIntentPublished':
    case 'ReviewRequested':
      return event.data.deadline
    case 'IntentAllowed':
    case 'ReviewApproved':
      return event.data.collectBefore
    case 'IntentDenied':
    case 'ReviewDenied':
    case 'IntentWithdrawn':
    case 'IntentExpired':
    case 'GrantIssued':
      return null
    default:
      return undefined
  }
}

/** Deadlines after these events, one per intent: the last event of each that says something counts. */
export const deadlinesOf = (events: readonly StoredEvent[]): Deadline[] => {
  const last = new Map<string, Deadline>()
  for (const event of events) {
    const dueAt = event.kind === 'intent' ? dueAtOf(event) : undefined
    if (dueAt !== undefined) last.set(event.streamId, { intentId: event.streamId, tenantId: event.tenantId, dueAt })
  }
  return [...last.values()]
}

/** Before several deadlines are written: processes that write the same ones never wait for each other in a circle. */
const lockDeadlines = (tx: Transaction, intentIds: readonly string[]): Promise<unknown> =>
  tx.query('select from policy.deadline where intent_id = any ($1::uuid[]) order by intent_id for update', [intentIds])

/** Writes deadlines as events in their order have them: new ones replace old ones, ended intents go. */
export const writeDeadlines = async (tx: Transaction, deadlines: readonly Deadline[]): Promise<void> => {
  if (deadlines.length === 0) return
  await lockDeadlines(
    tx,
    deadlines.map(({ intentId }) => intentId),
  )
  const open = deadlines.filter(({ dueAt }) => dueAt !== null)
  const ended = deadlines.filter(({ dueAt }) => dueAt === null)
  if (open.length > 0)
    await tx.query(
      `insert into policy.deadline (intent_id, tenant_id, due_at)
       select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as d(intent_id, tenant_id, due_at) order by 1
       on conflict (intent_id) do update set due_at = excluded.due_at`,
      [open.map(({ intentId }) => intentId), open.map(({ tenantId }) => tenantId), open.map(({ dueAt }) => dueAt)],
    )
  await removeDeadlines(
    tx,
    ended.map(({ intentId }) => intentId),
  )
}

export const readProgress = async (db: Pick<Transaction, 'query'>): Promise<Cursor> => {
  const { rows } = await db.query<{ incarnation: number; xid: string; position: string }>(
    `select incarnation, xid::text, position from policy.progress where name = 'deadlines'`,
  )
  const [row] = rows
  if (row === undefined) throw new Error('policy has no progress row')
  return { incarnation: row.incarnation, xid: row.xid, position: Number(row.position) }
}

/** Moves the progress from one place to the next; false when another process has moved it. */
export const moveProgress = async (tx: Transaction, from: Cursor, to: Cursor): Promise<boolean> => {
  const { rowCount } = await tx.query(
    `update policy.progress set incarnation = $4, xid = $5::text::xid8, position = $6
     where name = 'deadlines' and (incarnation, xid, position) = ($1::integer, $2::text::xid8, $3::bigint)`,
    [from.incarnation, from.xid, from.position, to.incarnation, to.xid, to.position],
  )
  return rowCount === 1
}

/** An intent whose time has come, and the time that was read: what was written meanwhile knows more. */
export type DueIntent = { readonly intentId: string; readonly tenantId: string; readonly dueAt: string }

/** Intents whose time has come by the database's clock, the longest overdue first, and when the next one's comes. */
export const dueIntents = async (
  db: Pick<Transaction, 'query'>,
  limit: number,
): Promise<{ due: DueIntent[]; nextInMs: number | undefined }> => {
  const { rows } = await db.query<{ intent_id: string; tenant_id: string; due_at: string; in_ms: number }>(
    `select intent_id, tenant_id, due_at::text,
       ceil(extract(epoch from due_at - clock_timestamp()) * 1000)::float8 as in_ms
     from policy.deadline order by policy.deadline.due_at, intent_id limit $1`,
    [limit],
  )
  return {
    due: rows
      .filter((row) => row.in_ms <= 0)
      .map((row) => ({ intentId: row.intent_id, tenantId: row.tenant_id, dueAt: row.due_at })),
    nextInMs: rows.find((row) => row.in_ms > 0)?.in_ms,
  }
}

const removeDeadlines = async (tx: Transaction, intentIds: readonly string[]): Promise<void> => {
  if (intentIds.length === 0) return
  await tx.query('delete from policy.deadline where intent_id = any ($1::uuid[])', [intentIds])
}

export type PostponedDeadline = { readonly read: DueIntent; readonly until: string }

/**
 * Forgets intents that ended and writes when to look again at those that were not due after all. One of these that was
 * written or went since it was read is left as it is: whoever did that had read later events, and an intent that ended would
 * be waited for again.
 */
export const settleDeadlines = async (
  tx: Transaction,
  { ended, postponed }: { readonly ended: readonly string[]; readonly postponed: readonly PostponedDeadline[] },
): Promise<void> => {
  await lockDeadlines(tx, [...ended, ...postponed.map(({ read }) => read.intentId)])
  await removeDeadlines(tx, ended)
  if (postponed.length === 0) return
  await tx.query(
    `update policy.deadline as d set due_at = p.until
     from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as p(intent_id, read, until)
     where d.intent_id = p.intent_id and d.due_at = p.read`,
    [
      postponed.map(({ read }) => read.intentId),
      postponed.map(({ read }) => read.dueAt),
      postponed.map(({ until }) => until),
    ],
  )
}
