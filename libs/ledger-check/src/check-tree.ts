import {
  type Checkpoint,
  checkLog,
  type KnownHead,
  leafHashesOf,
  type LogCheck,
  type NoteVerifier,
  openCheckpoint,
  TileTooShort,
  tileWidth,
  underName,
} from '@countersign/merkle-log'
import type { ClientBase } from 'pg'
import { isOriginFrom } from './continuation.ts'
import { tilesIn } from './read-tile.ts'
import type { CheckpointName, Findings } from './finding.ts'

/** A log as its own tables describe it. */
export interface DescribedLog {
  readonly logId: string
  readonly tenantId: string
  readonly origin: string
  readonly headSize: number
  readonly frontier: Buffer
}

/**
 * How many leaves the tiles hold that a checkpoint vouches for: all of its size when its root comes out of the lowest
 * tiles and every tile above fits, else none.
 */
export const vouchedSize = async (client: ClientBase, logId: string, head: KnownHead | undefined): Promise<number> => {
  if (head === undefined) return 0
  const readTile = tilesIn(client, logId)
  try {
    const check = await checkLog({ leafHashes: leafHashesOf(readTile, head.size), readTile, heads: [head] })
    return check.findings.length === 0 ? head.size : 0
  } catch (error) {
    if (error instanceof TileTooShort) return 0
    throw error
  }
}

type NamedHead = KnownHead & { readonly name: CheckpointName }

/**
 * Builds the tree from the leaves and holds everything that is stored of it against that: each tile, the head, the
 * checkpoints, and the one that was brought from outside.
 */
export const checkTree = async (
  client: ClientBase,
  log: DescribedLog,
  known: {
    readonly leaves: AsyncIterable<Uint8Array>
    readonly head: KnownHead | undefined
    readonly verifier: NoteVerifier | undefined
    readonly findings: Findings
  },
): Promise<LogCheck> => {
  const { findings } = known
  const heads: NamedHead[] = await storedHeads(client, log, known)
  if (known.head !== undefined) heads.push({ ...known.head, name: 'known' })
  const readTile = tilesIn(client, log.logId)
  const check = await checkLog({ leafHashes: known.leaves, readTile, heads })
  for (const finding of check.findings) {
    if (finding.code === 'tile_differs') findings.add(finding)
    else if (finding.code === 'tile_missing') findings.add(without(finding))
    else {
      const code = finding.code === 'root_differs' ? 'root_differs' : 'log_too_short'
      findings.add({ code, size: finding.head.size, checkpoint: (finding.head as NamedHead).name })
    }
  }
  if (log.headSize !== check.size || !log.frontier.equals(check.frontier)) {
    findings.add({ code: 'head_differs', size: log.headSize, entries: check.size })
  }
  await findExtraTiles(client, { logId: log.logId, size: check.size }, findings)
  return check
}

const without = ({ level, index }: { level: number; index: number }) => ({
  code: 'tile_missing' as const,
  level,
  index,
})

const storedHeads = async (
  client: ClientBase,
  { logId, origin }: DescribedLog,
  { verifier, findings }: { readonly verifier: NoteVerifier | undefined; readonly findings: Findings },
): Promise<NamedHead[]> => {
  const { rows } = await client.query<{ size: string; root: Buffer; note: string }>(
    'select size, root, note from ledger.checkpoint where log_id = $1 order by size',
    [logId],
  )
  for (const { size, root, note } of rows) {
    if (verifier === undefined) break
    const opened = openedUnderOwnName(note, origin, verifier)
    if (opened?.size !== Number(size) || !opened.root.equals(root))
      findings.add({ code: 'checkpoint_differs', size: Number(size) })
  }
  return rows.map(({ size, root }) => ({ size: Number(size), root, name: 'stored' as const }))
}

/** A checkpoint of the log from before it went on under its origin of now keeps the name that it was signed under. */
const openedUnderOwnName = (note: string, origin: string, verifier: NoteVerifier): Checkpoint | undefined => {
  const [own = ''] = note.split('\n', 1)
  if (!isOriginFrom(own, origin)) return undefined
  const opened = openCheckpoint(note, { origin: own, verifiers: [underName(own, verifier)] })
  return opened.ok ? opened.checkpoint : undefined
}

const findExtraTiles = async (
  client: ClientBase,
  { logId, size }: { readonly logId: string; readonly size: number },
  findings: Findings,
): Promise<void> => {
  const { rows } = await client.query<{ level: number; idx: string; width: number }>(
    `select level, idx, octet_length(hashes) / 32 as width from ledger.tile where log_id = $1 order by level, idx`,
    [logId],
  )
  for (const { level, idx, width } of rows) {
    const index = Number(idx)
    if (width > tileWidth(level, index, size)) findings.add({ code: 'tile_extra', level, index })
  }
}
