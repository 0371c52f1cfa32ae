import { prepared, type Transaction } from '@countersign/event-store'
import type pg from 'pg'

/** Where a grant belongs. `dueAt` is when it, or the report of its execution, runs out; null when nothing is open. */
export type IssuedGrant = { readonly grantId: string; readonly tenantId: string; readonly intentId: string }

/** The intent of a grant; undefined when there is no such grant in this tenant. */
export const findGrant = async (db: pg.Pool, grantId: string, tenantId: string): Promise<IssuedGrant | undefined> => {
  const { rows } = await db.query<{ intent_id: string }>(
    prepared('select intent_id from intake.issued_grant where grant_id = $1 and tenant_id = $2', [grantId, tenantId]),
  )
  const [row] = rows
  return row === undefined ? undefined : { grantId, tenantId, intentId: row.intent_id }
}

/** Remembers a grant, or when it is due next; an effect of the event that says so. */
export const rememberGrant = async (tx: Transaction, grant: IssuedGrant, dueAt: string | null): Promise<void> => {
  await tx.query(
    prepared(
      `insert into intake.issued_grant (grant_id, tenant_id, intent_id, due_at) values ($1, $2, $3, $4)
     on conflict (grant_id) do update set due_at = excluded.due_at`,
      [grant.grantId, grant.tenantId, grant.intentId, dueAt],
    ),
  )
}

/** Grants that are still waited for, in the order of their ids. */
export const openGrants = async (
  db: pg.Pool,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<IssuedGrant[]> => {
  const { rows } = await db.query<{ grant_id: string; tenant_id: string; intent_id: string }>(
    prepared(
      `select grant_id, tenant_id, intent_id from intake.issued_grant
     where due_at is not null and ($1::uuid is null or grant_id > $1) order by grant_id limit $2`,
      [after ?? null, limit],
    ),
  )
  return rows.map((row) => ({ grantId: row.grant_id, tenantId: row.tenant_id, intentId: row.intent_id }))
}

/** Grants whose end, or the end of whose report, is reached by the database's clock, and when the next one is. */
export const dueGrants = async (
  db: pg.Pool,
  limit: number,
): Promise<{ due: IssuedGrant[]; nextInMs: number | null }> => {
  const { rows } = await db.query<{ grant_id: string; tenant_id: string; intent_id: string; left_ms: number }>(
    prepared(
      `select grant_id, tenant_id, intent_id, extract(epoch from due_at - clock_timestamp())::float8 * 1000 as left_ms
     from intake.issued_grant where due_at is not null order by due_at limit $1`,
      [limit],
    ),
  )
  const due = rows.filter((row) => row.left_ms <= 0)
  const next = rows.find((row) => row.left_ms > 0)
  return {
    due: due.map((row) => ({ grantId: row.grant_id, tenantId: row.tenant_id, intentId: row.intent_id })),
    nextInMs: next === undefined ? null : next.left_ms,
  }
}
