import { prepared } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** A rule of one tenant and whom it limits: an agent by its name, or whoever takes together as policy calls them. */
export type LimitedAgent = { readonly tenantId: string; readonly rule: string; readonly agent: string }

/** How much was taken in the window that begins at `windowStart`, ms since 1970. */
export type TakenInWindow = { readonly windowStart: number; readonly taken: number }

export const limitedAgentName = ({ tenantId, rule, agent }: LimitedAgent): string =>
  JSON.stringify([tenantId, rule, agent])

/** What was taken last, by `limitedAgentName`; missing where nothing ever was. */
export async function readLimitUses(
  tx: Transaction,
  limited: readonly LimitedAgent[],
): Promise<Map<string, TakenInWindow>> {
  if (limited.length === 0) return new Map()
  const { rows } = await tx.query<{
    tenant_id: string
    rule: string
    agent: string
    window_start: Date
    taken: string
  }>(
    prepared(
      `select u.* from unnest($1::uuid[], $2::text[], $3::text[]) as wanted(tenant_id, rule, agent)
     cross join lateral (select * from countersign.limit_use i
       where i.tenant_id = wanted.tenant_id and i.rule = wanted.rule and i.agent = wanted.agent offset 0) as u`,
      [limited.map((one) => one.tenantId), limited.map((one) => one.rule), limited.map((one) => one.agent)],
    ),
  )
  return new Map(
    rows.map(({ tenant_id: tenantId, rule, agent, window_start: start, taken }) => [
      limitedAgentName({ tenantId, rule, agent }),
      { windowStart: start.getTime(), taken: Number(taken) },
    ]),
  )
}

/** Adds what was allowed, after the append; a newer window begins at what is added. Each agent and rule comes once. */
export async function addLimitUses(
  tx: Transaction,
  uses: readonly (LimitedAgent & { readonly windowStart: number; readonly cost: number })[],
): Promise<void> {
  if (uses.length === 0) return
  await tx.query(
    prepared(
      `insert into countersign.limit_use as u (tenant_id, rule, agent, window_start, taken)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[]) order by 1, 2, 3
     on conflict (tenant_id, rule, agent) do update set
       window_start = excluded.window_start,
       taken = excluded.taken + case when u.window_start = excluded.window_start then u.taken else 0 end`,
      [
        uses.map((use) => use.tenantId),
        uses.map((use) => use.rule),
        uses.map((use) => use.agent),
        uses.map((use) => new Date(use.windowStart).toISOString()),
        uses.map((use) => use.cost),
      ],
    ),
  )
}
