import { askedTogether, prepared } from '@countersign/event-store'
import type { ReviewState } from '@countersign/intent'

type ReviewSeats = { readonly tenantId: string; readonly review: Pick<ReviewState, 'seats'> }

/** How many of the people who hold a seat of each review hold it on one person's word: nobody else could review who put them there. */
export const seatsOnOneWord = askedTogether(async (tx, asked: readonly ReviewSeats[]): Promise<number[]> => {
  const { rows } = await tx.query<{ people: number }>(
    prepared(
      `select (select count(distinct m.subject_id)::integer from countersign.group_member m
       where m.tenant_id = q.tenant and m.counts and m.rests_on is not null
         and m.group_name in (select jsonb_array_elements_text(q.groups))) as people
     from rows from (jsonb_to_recordset($1::jsonb) as (tenant uuid, groups jsonb)) with ordinality as q(tenant, groups, place)
     order by q.place`,
      [
        JSON.stringify(
          asked.map(({ tenantId, review }) => ({ tenant: tenantId, groups: review.seats.map(({ group }) => group) })),
        ),
      ],
    ),
  )
  return rows.map(({ people }) => people)
})
