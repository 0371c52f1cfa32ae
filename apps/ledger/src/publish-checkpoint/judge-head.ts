import type { KeyObject } from 'node:crypto'
import { isOriginFrom } from '@countersign/ledger-check'
import {
  type Checkpoint,
  consistencyProof,
  noteSigner,
  openCheckpoint,
  type ReadTile,
  rootFromTiles,
  TileTooShort,
  verifyConsistency,
} from '@countersign/merkle-log'

/**
 * Why the log is not signed. `rolled_back`: it is shorter than what was published, or does not know the origin that it was
 * published under; `rewritten`: what was published is not its beginning; `edge_differs`: its tiles do not make its head;
 * `mark_invalid`: the mark outside is not a checkpoint of this log by this key. Each needs an operator; none heals by itself.
 */
export type SigningRefusal = 'rolled_back' | 'rewritten' | 'edge_differs' | 'mark_invalid'

/** A log as the database has it. */
export interface Head {
  readonly logId: string
  readonly tenantId: string
  readonly origin: string
  readonly size: number
  readonly frontier: Buffer
  /** The last checkpoint in the database. */
  readonly note: string | undefined
}

/** Size and root of a tree. */
export type Tree = Pick<Checkpoint, 'size' | 'root'>

/** What was lost of a log whose rest holds. */
export interface LostEntries {
  /** Published last, as the mark says. */
  readonly former: Checkpoint
  /** Size of the last checkpoint that the database has: entries below it are those that were published. */
  readonly keptSize: number
}

export interface HeadJudgement {
  /** Why the head is not signed under the log's origin; absent when it continues all that was published. */
  readonly code?: SigningRefusal
  /** With a code: the log may go on under another origin, for all that is left of it holds. */
  readonly lost?: LostEntries
}

/** Holds the head of a log against the mark and against the last checkpoint that the database has. */
export const judgeHead = async (
  log: Head & { readonly marked: string | undefined },
  tree: Tree,
  { readTile, key }: { readonly readTile: ReadTile; readonly key: KeyObject },
): Promise<HeadJudgement> => {
  const [marked, recorded] = [log.marked, log.note].map((note) => openOwn(note, log.origin, key))
  if (marked === 'invalid' || recorded === 'invalid') return { code: 'mark_invalid' }
  const ofRest =
    (await refusalAfter(recorded, tree, readTile)) ??
    ((await isMadeOfTiles(readTile, tree)) ? undefined : 'edge_differs')
  const ofMark =
    marked === undefined || marked.origin === log.origin ? await refusalAfter(marked, tree, readTile) : 'rolled_back'
  const code = ofMark ?? ofRest
  if (code === undefined) return {}
  const keptSize = recorded?.size ?? 0
  const isLoss = code === 'rolled_back' || code === 'rewritten'
  if (marked === undefined || ofMark === undefined || ofRest !== undefined || !isLoss) return { code }
  // A mark that is older than what the database has signed was put back itself: it does not tell what was lost.
  const isFurthest = keptSize <= marked.size && isOriginFrom(recorded?.origin ?? log.origin, marked.origin)
  return isFurthest ? { code, lost: { former: marked, keptSize } } : { code: 'mark_invalid' }
}

/** Opens a checkpoint of the log under the name that it was signed under, which may be one from before or after. */
const openOwn = (note: string | undefined, origin: string, key: KeyObject): Checkpoint | 'invalid' | undefined => {
  if (note === undefined) return undefined
  const [own = ''] = note.split('\n', 1)
  if (!isOriginFrom(own, origin) && !isOriginFrom(origin, own)) return 'invalid'
  const opened = openCheckpoint(note, { origin: own, verifiers: [noteSigner(own, key)] })
  return opened.ok ? opened.checkpoint : 'invalid'
}

/** Why a tree does not continue a checkpoint, whatever that one is called. */
export const refusalAfter = async (
  checkpoint: Tree | undefined,
  { size, root }: Tree,
  readTile: ReadTile,
): Promise<SigningRefusal | undefined> => {
  if (checkpoint === undefined) return undefined
  if (checkpoint.size > size) return 'rolled_back'
  try {
    const proof = await consistencyProof(readTile, checkpoint.size, size)
    const claim = { from: checkpoint.size, fromRoot: checkpoint.root, to: size, toRoot: root, proof }
    return verifyConsistency(claim).ok ? undefined : 'rewritten'
  } catch (error) {
    if (error instanceof TileTooShort) return 'edge_differs'
    throw error
  }
}

const isMadeOfTiles = async (readTile: ReadTile, { size, root }: Tree): Promise<boolean> => {
  try {
    return root.equals(await rootFromTiles(readTile, size))
  } catch (error) {
    if (error instanceof TileTooShort) return false
    throw error
  }
}
