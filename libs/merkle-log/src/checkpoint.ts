import { decodeBase64, encodeBase64, parseCount } from './base64.ts'
import { type Checked, emptyRoot, HASH_BYTES, isCount, sameBytes } from './hash.ts'
import type { NoteSigner, NoteVerifier } from './note-key.ts'
import { type NoteRefusal, openNote, signNote } from './signed-note.ts'
import { type ProofRefusal, verifyConsistency } from './verify-proof.ts'

/** The head of a log at one size (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Identity of the log. */
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Buffer
  /** Opaque lines after the root; this log never writes any. */
  readonly extensions: readonly string[]
}

/** `checkpoint_malformed`: a note, but no checkpoint in it; `origin_mismatch`: a checkpoint of another log. */
export type CheckpointRefusal = NoteRefusal | 'checkpoint_malformed' | 'origin_mismatch'

export type OpenedCheckpoint =
  | { readonly ok: true; readonly checkpoint: Checkpoint; readonly verified: readonly NoteVerifier[] }
  | { readonly ok: false; readonly code: CheckpointRefusal }

/** Who a reader of a log believes: the log's name for itself and the keys it may sign with. */
export interface TrustedLog {
  readonly origin: string
  readonly verifiers: readonly NoteVerifier[]
}

/**
 * Text of a checkpoint, ready to be signed as a note.
 * @throws RangeError for a size, root or line that no checkpoint has
 */
export const formatCheckpoint = (checkpoint: Omit<Checkpoint, 'extensions'> & Partial<Checkpoint>): string => {
  const { origin, size, root, extensions = [] } = checkpoint
  if (!isCount(size)) throw new RangeError('a tree size is an integer between 0 and 2^53 - 1')
  if (root.length !== HASH_BYTES) throw new RangeError('a root hash is 32 bytes')
  const lines = [origin, String(size), encodeBase64(root), ...extensions]
  if (lines.some((line) => line === '' || line.includes('\n'))) throw new RangeError('a checkpoint line is one line')
  return `${lines.join('\n')}\n`
}

/** The checkpoint in the text of a note, or `undefined`: its lines have one spelling each. */
export const parseCheckpoint = (text: string): Checkpoint | undefined => {
  if (!text.endsWith('\n')) return undefined
  const lines = text.slice(0, -1).split('\n')
  const [origin, sizeText, rootText, ...extensions] = lines
  if (origin === undefined || sizeText === undefined || rootText === undefined || lines.includes('')) return undefined
  const size = parseCount(sizeText)
  const root = decodeBase64(rootText)
  if (size === undefined || root?.length !== HASH_BYTES) return undefined
  // A tree without leaves has one root; another one would be a head of nothing.
  if (size === 0 && !sameBytes(root, emptyRoot())) return undefined
  return { origin, size, root, extensions }
}

/** Signs the head of a log. The signer's name must be the origin. */
export const signCheckpoint = (head: Omit<Checkpoint, 'extensions' | 'origin'>, signer: NoteSigner): string =>
  signNote(formatCheckpoint({ ...head, origin: signer.name }), [signer])

/** Opens a signed checkpoint of the given log: signatures first, then the text, then whose it is. */
export const openCheckpoint = (note: Uint8Array | string, { origin, verifiers }: TrustedLog): OpenedCheckpoint => {
  const opened = openNote(note, verifiers)
  if (!opened.ok) return opened
  const checkpoint = parseCheckpoint(opened.text)
  if (checkpoint === undefined) return { ok: false, code: 'checkpoint_malformed' }
  if (checkpoint.origin !== origin) return { ok: false, code: 'origin_mismatch' }
  return { ok: true, checkpoint, verified: opened.verified }
}

/**
 * Whether the log only grew between two of its checkpoints.
 * `origin_mismatch` when they are of two logs. An older one of size 0 shows nothing and is refused.
 */
export const verifyGrowth = (
  older: Checkpoint,
  newer: Checkpoint,
  proof: readonly Uint8Array[],
): Checked<ProofRefusal | 'origin_mismatch'> => {
  if (older.origin !== newer.origin) return { ok: false, code: 'origin_mismatch' }
  return verifyConsistency({
    from: older.size,
    fromRoot: older.root,
    to: newer.size,
    toRoot: newer.root,
    proof,
  })
}
