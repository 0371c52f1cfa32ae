import type { ReciprocalApprovals } from '@countersign/contracts'
import { withTenants } from '@countersign/event-store'
import type pg from 'pg'

export type ReciprocityQuestion = {
  readonly tenantId: string
  /** How far back, in days. */
  readonly days: number
  /** Approvals that each of the two gave the other, at least. */
  readonly least: number
}

type Row = { one: string; other: string; given: string; taken: string; intents: string[]; last_at: Date; total: string }

const mostPairs = 200
const mostIntents = 50

// A person stands behind an intent as requester, as who it is for, or as owner of agent or producer when it was published.
const sql = `
with approval as (
  select stream_id as intent, (data ->> 'person')::uuid as approver, recorded_at from lineage.audit_event
  where tenant_id = $1 and type = 'VerdictRecorded' and data ->> 'verdict' = 'approve'
    and recorded_at > clock_timestamp() - make_interval(days => $2)
), service as (
  select approval.approver, behind.person, count(distinct approval.intent) as times,
    array_agg(distinct approval.intent) as intents, max(approval.recorded_at) as last_at
  from approval
  join lineage.audit_event i
    on i.tenant_id = $1 and i.stream_id = approval.intent and i.kind = 'intent' and i.version = 1
  cross join lateral (
    select (i.data ->> 'requester')::uuid as person
    union select (i.data ->> 'onBehalfOf')::uuid
    union select value::uuid from jsonb_array_elements_text(i.data -> 'owners')
  ) as behind
  where behind.person <> approval.approver
  group by approval.approver, behind.person
)
select given.approver as one, given.person as other, given.times as given, taken.times as taken,
  (given.intents || taken.intents)[1:${mostIntents}] as intents, greatest(given.last_at, taken.last_at) as last_at,
  count(*) over () as total
from service given
join service taken on taken.approver = given.person and taken.person = given.approver
where given.approver < given.person and least(given.times, taken.times) >= $3
order by least(given.times, taken.times) desc, given.times + taken.times desc, one, other
limit ${mostPairs}`

/**
 * Pairs of people who approve each other's actions: a pattern that no single verdict shows, for auditors to look at. It
 * blocks nothing.
 */
export const reciprocalApprovals = (
  pool: pg.Pool,
  { tenantId, days, least }: ReciprocityQuestion,
): Promise<ReciprocalApprovals> =>
  withTenants(pool, [tenantId], async (tx) => {
    const { rows } = await tx.query<Row>(sql, [tenantId, days, least])
    return {
      pairs: rows.map(({ one, other, given, taken, intents, last_at: lastAt }) => ({
        people: [one, other],
        approvals: [Number(given), Number(taken)],
        intents,
        lastAt: lastAt.toISOString(),
      })),
      total: Number(rows[0]?.total ?? 0),
    }
  })
