import type { KeyObject } from 'node:crypto'
import type { Pool } from 'pg'

/** Token under which Nest finds the source of proofs. */
export const PROOF_SOURCE = Symbol('PROOF_SOURCE')

/** Where served proofs come from. */
export interface ProofSource {
  /** Connections as the ledger's role. */
  readonly pool: Pool
  /** The logs' signing key; only its public part is shown. */
  readonly key: KeyObject
  /** Group of the directory whose members read entries. */
  readonly auditorGroup: string
}
