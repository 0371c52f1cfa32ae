import type pg from 'pg'
import { gatheredOnPool } from './gathered-asks.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** A person as the directory knows them now. */
export type DirectoryPerson = {
  readonly tenantId: string
  readonly subjectId: string
  readonly groups: readonly string[]
}

/**
 * Who a token's (iss, sub) is, active people only; undefined when the directory does not know them. Groups come from the
 * directory, never from the token. Whom several tenants have is nobody: a register of one tenant must never decide who
 * somebody is in another.
 */
export const personOf = gatheredOnPool(
  async (pool, tokens: readonly TokenSubject[]): Promise<(DirectoryPerson | undefined)[]> => {
    const { rows } = await pool.query<PersonRow>(
      prepared(
        `select p.tenant_id, p.subject_id, p.groups
       from unnest($1::text[], $2::text[]) with ordinality as q(iss, sub, place)
       left join lateral (
         select * from (select *, count(*) over () as tenants from countersign.person_of(q.iss, q.sub)) as found
         where tenants = 1) as p on true
       order by q.place`,
        [tokens.map(({ issuer }) => issuer), tokens.map(({ subject }) => subject)],
      ),
    )
    return rows.map(({ tenant_id: tenantId, subject_id: subjectId, groups }) =>
      tenantId === null ? undefined : { tenantId, subjectId, groups },
    )
  },
)

/**
 * Whether another tenant has an active person whom this issuer knows under this subject. Until this transaction ends nobody else
 * is told about the same login, so of two tenants that register it in the same moment the second sees the first. Asked before
 * the transaction writes.
 */
export async function isPersonElsewhere(
  on: Transaction,
  { tenantId, iss, sub }: { readonly tenantId: string; readonly iss: string; readonly sub: string },
): Promise<boolean> {
  await oneAtATime(on, ['countersign.login', iss, sub])
  const { rowCount } = await on.query(
    prepared('select from countersign.person_of($1, $2) as p where p.tenant_id <> $3 limit 1', [iss, sub, tenantId]),
  )
  return rowCount === 1
}

/** The tenants in which a login is an active person, by name, and who it is there. */
export const tenantsOfLogin = async (
  pool: pg.Pool,
  { issuer, subject }: TokenSubject,
): Promise<{ readonly tenantId: string; readonly name: string; readonly person: string }[]> => {
  const { rows } = await pool.query<{ tenantId: string; name: string; person: string }>(
    prepared(
      `select p.tenant_id as "tenantId", t.name, p.subject_id as person from countersign.person_of($1, $2) as p
       join countersign.tenant as t on t.tenant_id = p.tenant_id order by t.name, p.tenant_id`,
      [issuer, subject],
    ),
  )
  return rows
}

type TokenSubject = { readonly issuer: string; readonly subject: string }
type PersonRow =
  | { tenant_id: string; subject_id: string; groups: string[] }
  | { tenant_id: null; subject_id: null; groups: null }
