import { type ContinuationEntry, readContinuations } from '@countersign/ledger-check'
import { inclusionProof, leafHash, type ReadTile, verifyInclusion } from '@countersign/merkle-log'
import type { Pool } from 'pg'
import { type Head, type HeadJudgement, type LostEntries, refusalAfter, type Tree } from './judge-head.ts'

/**
 * The origin under which a log goes on that lost entries, when an operator's act is an entry of it and says exactly what
 * was lost: the checkpoint that is the mark, and what the database still has. `undefined` without one; an act of an earlier
 * loss, or about another checkpoint, counts for nothing.
 */
export const continuedOrigin = async (
  pool: Pool,
  log: { readonly head: Head; readonly tree: Tree; readonly judged: HeadJudgement; readonly readTile: ReadTile },
): Promise<string | undefined> => {
  const { head, tree, judged, readTile } = log
  if (judged.lost === undefined) return undefined
  const act = (await readContinuations(pool, head)).at(-1)
  if (act === undefined || act.index >= tree.size || act.index < judged.lost.keptSize) return undefined
  if (!(await isEntry(act, tree, readTile))) return undefined
  const isTold = isAbout(act, judged.lost) || (await isUnderWay(act, judged.lost, { tree, readTile }))
  return isTold ? act.origin : undefined
}

const isEntry = async (
  { index, leaf }: ContinuationEntry,
  { size, root }: Tree,
  readTile: ReadTile,
): Promise<boolean> =>
  verifyInclusion({ index, size, leafHash: leafHash(leaf), root, proof: await inclusionProof(readTile, index, size) })
    .ok

const isAbout = (act: ContinuationEntry, { former, keptSize }: LostEntries): boolean =>
  act.keptSize === keptSize &&
  act.former.origin === former.origin &&
  act.former.size === former.size &&
  act.former.root.equals(former.root) &&
  act.origin.startsWith(`${former.origin}/`)

/** The mark has the new origin already, and whoever wrote it died before the database had it. */
const isUnderWay = async (
  act: ContinuationEntry,
  { former: marked, keptSize }: LostEntries,
  { tree, readTile }: { readonly tree: Tree; readonly readTile: ReadTile },
): Promise<boolean> =>
  act.origin === marked.origin &&
  act.keptSize === keptSize &&
  (await refusalAfter(marked, tree, readTile)) === undefined
