import { gatheredOnPool, prepared, type Transaction, writtenTogether } from '@countersign/event-store'
import type pg from 'pg'

/** Where a grant belongs. `dueAt` is when it, or the report of its execution, runs out; null when nothing is open. */
export type IssuedGrant = { readonly grantId: string; readonly tenantId: string; readonly intentId: string }

/** The intent of a grant; undefined when there is no such grant in this tenant. */
export const findGrant = (db: pg.Pool, grantId: string, tenantId: string): Promise<IssuedGrant | undefined> =>
  findGrants(db, { grantId, tenantId })

const findGrants = gatheredOnPool(
  async (
    db,
    asked: readonly Pick<IssuedGrant, 'grantId' | 'tenantId'>[],
  ): Promise<readonly (IssuedGrant | undefined)[]> => {
    const { rows } = await db.query<{ grant_id: string; tenant_id: string; intent_id: string }>(
      prepared('select grant_id, tenant_id, intent_id from intake.issued_grant where grant_id = any ($1::uuid[])', [
        asked.map(({ grantId }) => grantId),
      ]),
    )
    const found = new Map(rows.map((row) => [row.grant_id, row]))
    return asked.map(({ grantId, tenantId }) => {
      const row = found.get(grantId)
      return row?.tenant_id === tenantId ? { grantId, tenantId, intentId: row.intent_id } : undefined
    })
  },
)

/** Remembers a grant, or when it is due next; an effect of the event that says so. */
export const rememberGrant = (tx: Transaction, grant: IssuedGrant, dueAt: string | null): Promise<void> =>
  writeGrants(tx, [{ ...grant, dueAt }])

const writeGrants = writtenTogether((tx, grants: readonly (IssuedGrant & { readonly dueAt: string | null })[]) =>
  tx.query(
    prepared(
      `insert into intake.issued_grant (grant_id, tenant_id, intent_id, due_at)
     select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) order by 1
     on conflict (grant_id) do update set due_at = excluded.due_at`,
      [
        grants.map(({ grantId }) => grantId),
        grants.map(({ tenantId }) => tenantId),
        grants.map(({ intentId }) => intentId),
        grants.map(({ dueAt }) => dueAt),
      ],
    ),
  ),
)

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
