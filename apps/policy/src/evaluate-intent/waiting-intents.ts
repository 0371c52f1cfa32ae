import type pg from 'pg'

/** Ids of a tenant's intents that have not ended, in pages ordered by id. Not all of them wait for an evaluation. */
export const waitingIntents = async (
  db: Pick<pg.Pool, 'query'>,
  { tenantId, after, limit }: { tenantId: string; after: string | undefined; limit: number },
): Promise<string[]> => {
  const { rows } = await db.query<{ intent_id: string }>(
    `select intent_id from policy.deadline where tenant_id = $1 and ($2::uuid is null or intent_id > $2)
     order by intent_id limit $3`,
    [tenantId, after ?? null, limit],
  )
  return rows.map((row) => row.intent_id)
}
