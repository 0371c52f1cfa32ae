import { askedTogether, prepared } from '@countersign/event-store'
import type { Intent } from '@countersign/intent'

/**
 * How many requests for the same action on the same target and environment, whoever made them and whatever their parameters,
 * were denied of those that were put to review in the 24 hours before this one. Whoever got a no may ask somebody else: they
 * are told.
 */
export const deniedBefore = askedTogether(async (tx, asked: readonly ReviewAsked[]): Promise<number[]> => {
  const { rows } = await tx.query<{ times: number }>(
    prepared(
      `select (select count(*)::integer from notifier.review r
       where r.tenant_id = q.tenant and r.state = 'denied' and r.requested_at < q.requested
         and r.requested_at >= q.requested - interval '24 hours'
         and r.action = q.action and r.target = q.target and r.environment = q.environment) as times
     from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])
       with ordinality as q(tenant, requested, action, target, environment, place)
     order by q.place`,
      [
        asked.map(({ tenantId }) => tenantId),
        asked.map(({ requestedAt }) => requestedAt),
        asked.map(({ intent }) => intent.published.action),
        asked.map(({ intent }) => intent.published.target),
        asked.map(({ intent }) => intent.published.environment),
      ],
    ),
  )
  return rows.map(({ times }) => times)
})

/** An intent whose review was asked for at a time. */
type ReviewAsked = { readonly tenantId: string; readonly intent: Intent; readonly requestedAt: string }
