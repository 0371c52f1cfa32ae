import {
  leafHash as hashOfLeaf,
  parseVerifierKey,
  type ProofRefusal,
  type TrustedLog,
  openCheckpoint,
  underName,
  isKeyName,
  parseTlogProof,
  verifyGrowth,
  verifyTlogProof,
  type Checkpoint,
} from '@countersign/merkle-log'
import { type Continuation, fateOf, isOriginFrom } from '@countersign/ledger-check'
import { exitCodes, Failure } from '../exit-codes.ts'

/** What a check found: what holds, or the stable code of what does not. */
export type Verified =
  | {
      readonly verdict: 'verified'
      readonly checkpoint: Checkpoint
      readonly index?: number
      readonly from?: number
      /** The entry is among those with which the log went on under another origin. */
      readonly continued?: Continuation
    }
  | Lost
  | { readonly verdict: 'diverged' | 'invalid'; readonly code: string }

/** What a checkpoint of a former origin had and the log has not: an operator went on without it, and says so in the log. */
export interface Lost {
  readonly verdict: 'lost'
  readonly code: 'entries_lost'
  /** The checkpoint that had it. */
  readonly checkpoint: Checkpoint
  /** The entry that was asked about; absent for a checkpoint as a whole. */
  readonly index?: number
  readonly continued: Continuation
}

/** The log by its name of now and, of its names before, how it came to leave them. */
export interface KnownLog extends TrustedLog {
  readonly continuations: readonly Continuation[]
}

export const exitCodeOf = ({ verdict }: Verified): number =>
  ({ verified: exitCodes.ok, lost: exitCodes.diverged, diverged: exitCodes.diverged, invalid: exitCodes.invalid })[
    verdict
  ]

/** The log that a verifier key speaks for: its name is the origin. @throws Failure for a text that is no such key */
export const trustedLog = (vkey: string): KnownLog => {
  const key = parseVerifierKey(vkey.trim())
  if (!key.ok) {
    throw new Failure(`the verifier key is not one: ${key.code}`, {
      next: 'It reads name+id+key, as GET /v1/ledger/logs gives it. Keep it from a source that you trust.',
    })
  }
  return { origin: key.verifier.name, verifiers: [key.verifier], continuations: [] }
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

/**
 * Checks without any network that a leaf is in the log: signature, origin, inclusion. A proof under a former origin is
 * checked under that name, and told to be lost when the log went on without the entry.
 */
export const verifyProof = (proof: string, leafHash: Uint8Array, log: KnownLog): Verified => {
  const own = ownNameOf(parseTlogProof(proof)?.checkpoint, log)
  const checked = verifyTlogProof(proof, leafHash, own)
  if (!checked.ok) return refuted(checked.code)
  const { checkpoint, index } = checked
  if (own.origin === log.origin) return { verdict: 'verified', checkpoint, index }
  const continued = fateOf(own.origin, log.continuations)
  if (continued === undefined) return { verdict: 'invalid', code: 'continuation_missing' }
  if (contradicts(continued, checkpoint)) return { verdict: 'diverged', code: 'former_checkpoint_differs' }
  return index < continued.keptSize
    ? { verdict: 'verified', checkpoint, index, continued }
    : { verdict: 'lost', code: 'entries_lost', checkpoint, index, continued }
}

/** Whether a text is a proof at all. */
export const isProof = (text: string): boolean => parseTlogProof(text) !== undefined

/**
 * Checks without any network that a log only grew from one checkpoint to another. `hashes` are those of the consistency
 * proof; none are needed when the sizes are equal. The older one may be of a former origin: what the log kept has to be its
 * beginning all the same, and what it did not keep is told to be lost.
 */
export const verifyCheckpoints = (
  known: string,
  newer: string,
  { log, hashes }: { readonly log: KnownLog; readonly hashes: readonly Uint8Array[] },
): Verified => {
  const own = ownNameOf(known, log)
  const older = openCheckpoint(known, own)
  if (!older.ok) return { verdict: 'invalid', code: `known_${older.code}` }
  const opened = openCheckpoint(newer, log)
  if (!opened.ok) return { verdict: 'invalid', code: opened.code }
  const { checkpoint } = opened
  const continued = own.origin === log.origin ? undefined : fateOf(own.origin, log.continuations)
  if (own.origin !== log.origin) {
    if (continued === undefined) return { verdict: 'invalid', code: 'continuation_missing' }
    if (contradicts(continued, older.checkpoint)) return { verdict: 'diverged', code: 'former_checkpoint_differs' }
    if (older.checkpoint.size > continued.keptSize) {
      return { verdict: 'lost', code: 'entries_lost', checkpoint: older.checkpoint, continued }
    }
  }
  if (checkpoint.size < older.checkpoint.size) return { verdict: 'diverged', code: 'rolled_back' }
  const grown = verifyGrowth({ ...older.checkpoint, origin: checkpoint.origin }, checkpoint, hashes)
  if (!grown.ok) return refuted(grown.code)
  const verified = { verdict: 'verified', checkpoint, from: older.checkpoint.size } as const
  return continued === undefined ? verified : { ...verified, continued }
}

const refuted = (code: string): Verified => ({
  verdict: contradictions.includes(code) ? 'diverged' : 'invalid',
  code,
})

/** The log under the name that a checkpoint was signed under, where that is one from before; the key is the same. */
const ownNameOf = (note: string | undefined, log: TrustedLog): TrustedLog => {
  const [own = ''] = (note ?? '').split('\n', 1)
  if (own === log.origin || !isKeyName(own) || !isOriginFrom(own, log.origin)) return log
  return { origin: own, verifiers: log.verifiers.map((verifier) => underName(own, verifier)) }
}

/** More was signed under the former origin than the operator's act admits, or something else. */
const contradicts = ({ former }: Continuation, { origin, size, root }: Checkpoint): boolean =>
  former.origin === origin && (size > former.size || (size === former.size && !root.equals(former.root)))
