import { prepared, type Transaction } from '@countersign/event-store'
import type { ShownKey } from '@countersign/intent'
import type pg from 'pg'
import type { PresentedKey } from './dpop-proof.ts'

type KeyRow = { registered: string | null; replayed: boolean }

/** The presented key beside what the registers and the proofs of the last minutes say; writes nothing. */
export const readShownKey = async (
  tx: Transaction,
  { proof, certificate, request }: PresentedKey,
  agent: { readonly tenantId: string; readonly name: string },
): Promise<ShownKey> => {
  const [thumbprint, id] = proof === undefined || proof === 'invalid' ? [null, null] : [proof.thumbprint, proof.id]
  const { rows } = await tx.query<KeyRow>(
    prepared(
      `select
         (select executor_key_thumbprint from countersign.agent where tenant_id = $1 and name = $2) as registered,
         exists (select from intake.presented_proof where thumbprint = $3 and proof_id = $4) as replayed`,
      [agent.tenantId, agent.name, thumbprint, id],
    ),
  )
  const [row] = rows
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
