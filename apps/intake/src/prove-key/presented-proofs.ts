import { askedTogether, prepared, type Transaction } from '@countersign/event-store'
import type { ShownKey } from '@countersign/intent'
import type pg from 'pg'
import type { PresentedKey } from './dpop-proof.ts'

type KeyRow = { registered: string | null; replayed: boolean }

type KeyQuestion = {
  readonly tenantId: string
  readonly name: string
  readonly thumbprint: string | null
  readonly proofId: Buffer | null
}

const selectKeys = askedTogether(async (tx, questions: readonly KeyQuestion[]): Promise<KeyRow[]> => {
  const { rows } = await tx.query<KeyRow>(
    prepared(
      `select
         (select executor_key_thumbprint from countersign.agent where tenant_id = q.tenant and name = q.agent) as registered,
         exists (select from intake.presented_proof where thumbprint = q.thumbprint and proof_id = q.proof) as replayed
       from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
         with ordinality as q(tenant, agent, thumbprint, proof, place)
       order by q.place`,
      [
        questions.map(({ tenantId }) => tenantId),
        questions.map(({ name }) => name),
        questions.map(({ thumbprint }) => thumbprint),
        questions.map(({ proofId }) => proofId),
      ],
    ),
  )
  return rows
})

/** The presented key beside what the registers and the proofs of the last minutes say; writes nothing. */
export const readShownKey = async (
  tx: Transaction,
  { proof, certificate, request }: PresentedKey,
  agent: { readonly tenantId: string; readonly name: string },
): Promise<ShownKey> => {
  const [thumbprint, proofId] = proof === undefined || proof === 'invalid' ? [null, null] : [proof.thumbprint, proof.id]
  const [row] = await selectKeys(tx, [{ ...agent, thumbprint, proofId }])
  if (row === undefined) throw new Error('the registers did not answer')
  return {
    proof: proof === undefined || proof === 'invalid' ? proof : { ...proof, isReplayed: row.replayed },
    ...(certificate === undefined ? {} : { certificate }),
    request,
    registered: row.registered ?? undefined,
  }
}

/**
 * Uses a proof up, in the transaction of what it was presented for, refused or not. Two at once: the second fails on the
 * first one's row, starts over, and finds it.
 */
export const useProof = async (tx: Transaction, { proof }: PresentedKey): Promise<void> => {
  if (proof === undefined || proof === 'invalid') return
  await tx.query(
    prepared(
      `insert into intake.presented_proof (thumbprint, proof_id) select $1, $2
       where not exists (select from intake.presented_proof where thumbprint = $1 and proof_id = $2)`,
      [proof.thumbprint, proof.id],
    ),
  )
}

/** Forgets proofs that are too old to be presented again; answers how many. */
export const forgetProofs = async (pool: pg.Pool): Promise<number> => {
  const { rowCount } = await pool.query(
    `delete from intake.presented_proof where presented_at < clock_timestamp() - interval '10 minutes'`,
  )
  return rowCount ?? 0
}
