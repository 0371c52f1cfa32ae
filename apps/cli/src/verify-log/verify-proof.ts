import {
  leafHash as hashOfLeaf,
  parseVerifierKey,
  type ProofRefusal,
  type TrustedLog,
  openCheckpoint,
  parseTlogProof,
  verifyGrowth,
  verifyTlogProof,
  type Checkpoint,
} from '@countersign/merkle-log'
import { exitCodes, Failure } from '../exit-codes.ts'

/** What a check found: what holds, or the stable code of what does not. */
export type Verified =
  | { readonly verdict: 'verified'; readonly checkpoint: Checkpoint; readonly index?: number; readonly from?: number }
  | { readonly verdict: 'diverged' | 'invalid'; readonly code: string }

export const exitCodeOf = ({ verdict }: Verified): number =>
  ({ verified: exitCodes.ok, diverged: exitCodes.diverged, invalid: exitCodes.invalid })[verdict]

/** The log that a verifier key speaks for: its name is the origin. @throws Failure for a text that is no such key */
export const trustedLog = (vkey: string): TrustedLog => {
  const key = parseVerifierKey(vkey.trim())
  if (!key.ok) {
    throw new Failure(`the verifier key is not one: ${key.code}`, {
      next: 'It reads name+id+key, as GET /v1/ledger/logs gives it. Keep it from a source that you trust.',
    })
  }
  return { origin: key.verifier.name, verifiers: [key.verifier] }
}

/** Hash of a leaf, from `sha256:<hex>` or from the leaf's own bytes. */
export const leafHashFrom = (given: {
  readonly digest?: string | undefined
  readonly leaf?: Uint8Array | undefined
}): Buffer | undefined => {
  if (given.leaf !== undefined) return hashOfLeaf(given.leaf)
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(given.digest?.trim() ?? '')?.[1]
  return hex === undefined ? undefined : Buffer.from(hex, 'hex')
}

// The signature and the shape hold, but the hashes do not come out: somebody signed something else than this.
const contradictions: readonly string[] = ['root_mismatch' satisfies ProofRefusal]

/** Checks without any network that a leaf is in the log: signature, origin, inclusion. */
export const verifyProof = (proof: string, leafHash: Uint8Array, log: TrustedLog): Verified => {
  const checked = verifyTlogProof(proof, leafHash, log)
  if (checked.ok) return { verdict: 'verified', checkpoint: checked.checkpoint, index: checked.index }
  return { verdict: contradictions.includes(checked.code) ? 'diverged' : 'invalid', code: checked.code }
}

/** Whether a text is a proof at all. */
export const isProof = (text: string): boolean => parseTlogProof(text) !== undefined

/**
 * Checks without any network that a log only grew from one checkpoint to another. `hashes` are those of the consistency
 * proof; none are needed when the sizes are equal.
 */
export const verifyCheckpoints = (
  known: string,
  newer: string,
  { log, hashes }: { readonly log: TrustedLog; readonly hashes: readonly Uint8Array[] },
): Verified => {
  const older = openCheckpoint(known, log)
  if (!older.ok) return { verdict: 'invalid', code: `known_${older.code}` }
  const opened = openCheckpoint(newer, log)
  if (!opened.ok) return { verdict: 'invalid', code: opened.code }
  const { checkpoint } = opened
  if (checkpoint.size < older.checkpoint.size) return { verdict: 'diverged', code: 'rolled_back' }
  const grown = verifyGrowth(older.checkpoint, checkpoint, hashes)
  if (grown.ok) return { verdict: 'verified', checkpoint, from: older.checkpoint.size }
  return { verdict: contradictions.includes(grown.code) ? 'diverged' : 'invalid', code: grown.code }
}
