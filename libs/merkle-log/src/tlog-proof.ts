import { decodeBase64, encodeBase64, parseCount } from './base64.ts'
import { type Checkpoint, type CheckpointRefusal, openCheckpoint, type TrustedLog } from './checkpoint.ts'
import { HASH_BYTES, isCount } from './hash.ts'
import { type ProofRefusal, verifyInclusion } from './verify-proof.ts'

/** A self-contained proof that an entry is in a log (c2sp.org/tlog-proof). */
export interface TlogProof {
  readonly index: number
  /** Inclusion proof, the leaf's sibling first. */
  readonly hashes: readonly Buffer[]
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string
  /** Application bytes that nothing authenticates. */
  readonly extra?: Buffer
}

export type TlogProofRefusal = 'proof_malformed' | CheckpointRefusal | ProofRefusal

export type VerifiedTlogProof =
  | { readonly ok: true; readonly index: number; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly code: TlogProofRefusal }

const FIRST_LINE = 'c2sp.org/tlog-proof@v1'
// An inclusion proof has one hash per tree level, and sizes stay below 2^53.
const MAX_PROOF_HASHES = 53

/**
 * Text of a proof.
 * @throws RangeError for an index or hash that no proof has
 */
export const formatTlogProof = ({ index, hashes, checkpoint, extra }: TlogProof): string => {
  if (!isCount(index)) throw new RangeError('an index is an integer between 0 and 2^53 - 1')
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw new RangeError('a proof hash is 32 bytes')
  const lines = [FIRST_LINE, ...(extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]), `index ${index}`]
  return `${[...lines, ...hashes.map(encodeBase64)].join('\n')}\n\n${checkpoint}`
}

/** Takes a proof apart, or `undefined` when it is not one. Nothing is verified yet. */
export const parseTlogProof = (text: string): TlogProof | undefined => {
  const blank = text.indexOf('\n\n')
  if (blank < 0) return undefined
  const [first, ...rest] = text.slice(0, blank).split('\n')
  const extraLine = rest[0]?.startsWith('extra ') ? rest.shift() : undefined
  const extra = extraLine === undefined ? undefined : decodeBase64(extraLine.slice('extra '.length))
  const indexLine = rest.shift()
  const index = indexLine?.startsWith('index ') ? parseCount(indexLine.slice('index '.length)) : undefined
  const hashes = rest.map(decodeBase64)
  if (first !== FIRST_LINE || index === undefined || (extraLine !== undefined && extra === undefined)) return undefined
  if (!hashes.every((hash) => hash?.length === HASH_BYTES) || hashes.length > MAX_PROOF_HASHES) return undefined
  return {
    index,
    hashes: hashes.filter((hash) => hash !== undefined),
    checkpoint: text.slice(blank + 2),
    ...(extra === undefined ? {} : { extra }),
  }
}

/** Verifies offline that the leaf is in the log: checkpoint signature, origin, inclusion. `extra` is never believed. */
export const verifyTlogProof = (text: string, leafHash: Uint8Array, log: TrustedLog): VerifiedTlogProof => {
  const proof = parseTlogProof(text)
  if (proof === undefined) return { ok: false, code: 'proof_malformed' }
  const opened = openCheckpoint(proof.checkpoint, log)
  if (!opened.ok) return opened
  const { size, root } = opened.checkpoint
  const included = verifyInclusion({ index: proof.index, size, leafHash, root, proof: proof.hashes })
  return included.ok ? { ok: true, index: proof.index, checkpoint: opened.checkpoint } : included
}
