import { type Checked, HASH_BYTES, isCount, nodeHash, sameBytes } from './hash.ts'

/**
 * Why a proof does not show what it claims: sizes or indexes that no proof can be about, a hash that is not 32 bytes,
 * more or fewer hashes than the shape of the tree asks for, or a root that does not come out.
 */
export type ProofRefusal = 'size_out_of_range' | 'index_out_of_range' | 'hash_length' | 'proof_length' | 'root_mismatch'

export interface InclusionClaim {
  readonly index: number
  readonly size: number
  readonly leafHash: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

export interface ConsistencyClaim {
  readonly from: number
  readonly fromRoot: Uint8Array
  readonly to: number
  readonly toRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Whether the leaf is at `index` of the tree with that size and root (RFC 9162 §2.1.3.2). */
export const verifyInclusion = ({ index, size, leafHash, root, proof }: InclusionClaim): Checked<ProofRefusal> => {
  if (!isCount(size)) return refused('size_out_of_range')
  if (!isCount(index) || index >= size) return refused('index_out_of_range')
  if (!areHashes([leafHash, root, ...proof])) return refused('hash_length')

  let computed = leafHash
  let position = index
  let last = size - 1
  for (const sibling of proof) {
    if (last === 0) return refused('proof_length')
    if (position % 2 === 1 || position === last) {
      computed = nodeHash(sibling, computed)
      // A right edge without sibling on this level rises until it has one.
      while (position % 2 === 0 && position !== 0) {
        position /= 2
        last = half(last)
      }
    } else {
      computed = nodeHash(computed, sibling)
    }
    position = half(position)
    last = half(last)
  }
  if (last !== 0) return refused('proof_length')
  return sameBytes(computed, root) ? { ok: true } : refused('root_mismatch')
}

/**
 * Whether the tree `from` is a prefix of the tree `to` (RFC 9162 §2.1.4.2).
 * An empty `from` is refused: every tree starts with it, so such a proof would show nothing.
 */
export const verifyConsistency = (claim: ConsistencyClaim): Checked<ProofRefusal> => {
  const { from, fromRoot, to, toRoot, proof } = claim
  if (!isCount(from) || !isCount(to) || from < 1 || from > to) return refused('size_out_of_range')
  if (!areHashes([fromRoot, toRoot, ...proof])) return refused('hash_length')
  if (from === to) {
    if (proof.length > 0) return refused('proof_length')
    return sameBytes(fromRoot, toRoot) ? { ok: true } : refused('root_mismatch')
  }
  if (proof.length === 0) return refused('proof_length')
  return foldConsistency(claim)
}

const foldConsistency = ({ from, fromRoot, to, toRoot, proof }: ConsistencyClaim): Checked<ProofRefusal> => {
  let position = from - 1
  let last = to - 1
  while (position % 2 === 1) {
    position = half(position)
    last = half(last)
  }
  // Nothing left of the old tree means that it was perfect: its root is the first node of the path.
  const [start, ...path] = position === 0 ? [fromRoot, ...proof] : proof
  if (start === undefined) return refused('proof_length')
  let older = start
  let newer = start
  for (const node of path) {
    if (last === 0) return refused('proof_length')
    if (position % 2 === 1 || position === last) {
      older = nodeHash(node, older)
      newer = nodeHash(node, newer)
      while (position % 2 === 0 && position !== 0) {
        position /= 2
        last = half(last)
      }
    } else {
      newer = nodeHash(newer, node)
    }
    position = half(position)
    last = half(last)
  }
  if (last !== 0) return refused('proof_length')
  return sameBytes(older, fromRoot) && sameBytes(newer, toRoot) ? { ok: true } : refused('root_mismatch')
}

const half = (value: number): number => Math.floor(value / 2)
const areHashes = (values: readonly Uint8Array[]): boolean => values.every((value) => value.length === HASH_BYTES)
const refused = (code: ProofRefusal): Checked<ProofRefusal> => ({ ok: false, code })
