import { hash } from 'node:crypto'

/** Length of every hash in the tree, in bytes (SHA-256). */
export const HASH_BYTES = 32

/** A check that passed, or the snake_case code of why it did not. */
export type Checked<Code extends string> = { readonly ok: true } | { readonly ok: false; readonly code: Code }

const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01

/** Root of the tree without leaves: SHA-256 of the empty string (RFC 6962 §2.1). */
export const emptyRoot = (): Buffer => sha256(new Uint8Array(0))

/** SHA-256 of the bytes, 32 bytes. */
export const sha256 = (bytes: Uint8Array): Buffer =>
  // By way of a string: Node takes twice as long to make a digest's buffer as to hash a leaf.
  Buffer.from(hash('sha256', bytes, 'binary'), 'binary')

// The digest call is synchronous, so one scratch buffer per shape can be reused: it is never seen by anyone else.
const nodeInput = Buffer.alloc(1 + 2 * HASH_BYTES)
nodeInput[0] = NODE_PREFIX
let leafInput = Buffer.alloc(4096)

/** Hash of one log entry: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1). */
export const leafHash = (entry: Uint8Array): Buffer => {
  if (entry.length >= leafInput.length) leafInput = Buffer.alloc(2 * (entry.length + 1))
  leafInput[0] = LEAF_PREFIX
  leafInput.set(entry, 1)
  return sha256(leafInput.subarray(0, entry.length + 1))
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right); both children are 32 bytes (RFC 6962 §2.1). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('a node has two 32-byte children')
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_BYTES)
  return sha256(nodeInput)
}

/** Whether two byte strings are equal. Hashes are public, so the comparison need not take constant time. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** The `position`-th hash of concatenated hashes, as a view. */
export const hashAt = (hashes: Uint8Array, position: number): Uint8Array =>
  hashes.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES)

/** Whether the value can be a tree size or an index: a non-negative integer below 2^53. */
export const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
