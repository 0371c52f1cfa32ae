import { prepared, type Transaction } from '@countersign/event-store'
import type { ReviewState } from '@countersign/intent'

/** How many of the people who hold a seat of a review hold it on one person's word: nobody else could review who put them there. */
export const seatsOnOneWord = async (tx: Transaction, tenantId: string, { seats }: ReviewState): Promise<number> => {
  const { rows } = await tx.query<{ people: number }>(
    prepared(
      `select count(distinct subject_id)::integer as people from countersign.group_member
     where tenant_id = $1 and group_name = any ($2::text[]) and counts and rests_on is not null`,
      [tenantId, seats.map(({ group }) => group)],
    ),
  )
  return rows[0]?.people ?? 0
}
