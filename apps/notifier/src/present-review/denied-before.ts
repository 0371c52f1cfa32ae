import { prepared, type Transaction } from '@countersign/event-store'
import type { Intent } from '@countersign/intent'

/**
 * How many requests for the same action on the same target and environment, whoever made them and whatever their parameters,
 * were denied of those that were put to review in the 24 hours before this one. Whoever got a no may ask somebody else: they
 * are told.
 */
export const deniedBefore = async (
  tx: Transaction,
  {
    tenantId,
    intent,
    requestedAt,
  }: { readonly tenantId: string; readonly intent: Intent; readonly requestedAt: string },
): Promise<number> => {
  const { action, target, environment } = intent.published
  const { rows } = await tx.query<{ times: number }>(
    prepared(
      `select count(*)::integer as times from notifier.review
     where tenant_id = $1 and state = 'denied' and requested_at < $2
       and requested_at >= $2::timestamptz - interval '24 hours'
       and action = $3 and target = $4 and environment = $5`,
      [tenantId, requestedAt, action, target, environment],
    ),
  )
  return rows[0]?.times ?? 0
}
