import type { KeyObject } from 'node:crypto'
import {
  type Checkpoint,
  consistencyProof,
  noteSigner,
  type NoteVerifier,
  openCheckpoint,
  type ReadTile,
  rootFromFrontier,
  rootFromTiles,
  signCheckpoint,
  TileTooShort,
  verifyGrowth,
} from '@countersign/merkle-log'
import type { Pool } from 'pg'
import { tilesIn } from '@countersign/ledger-check'
import type { PublishedMark } from './published-mark.ts'

/**
 * Why the log is not signed. `rolled_back`: it is shorter than what was published; `rewritten`: what was published is
 * not its beginning; `edge_differs`: its tiles do not make its head; `mark_invalid`: the mark outside is not a
 * checkpoint of this log by this key. Each needs an operator; none heals by itself.
 */
export type SigningRefusal = 'rolled_back' | 'rewritten' | 'edge_differs' | 'mark_invalid'

export type Publication =
  | {
      readonly status: 'published'
      readonly logId: string
      readonly origin: string
      readonly size: number
      readonly note: string
    }
  | { readonly status: 'unchanged' }
  | { readonly status: 'refused'; readonly logId: string; readonly code: SigningRefusal }

export interface PublishOptions {
  readonly key: KeyObject
  readonly mark: PublishedMark
}

interface Head {
  readonly origin: string
  readonly size: number
  readonly frontier: Buffer
  /** The last checkpoint in the database. */
  readonly note: string | null
}

/** Logs whose head is not the last checkpoint in the database. */
export const unpublishedLogs = async (pool: Pool): Promise<string[]> => {
  const { rows } = await pool.query<{ log_id: string }>(`
    select h.log_id from ledger.log_head h
    where h.size > 0 and h.size is distinct from (
      select c.size from ledger.checkpoint c where c.log_id = h.log_id order by c.size desc limit 1)
    order by h.log_id`)
  return rows.map((row) => row.log_id)
}

/** Every log that has an entry: each is held against its mark once when a service starts. */
export const allLogs = async (pool: Pool): Promise<string[]> => {
  const { rows } = await pool.query<{ log_id: string }>(
    'select log_id from ledger.log_head where size > 0 order by log_id',
  )
  return rows.map((row) => row.log_id)
}

/**
 * Signs and publishes the head of a log, unless it does not follow from everything that was published before: from the
 * last checkpoint in the database, and from the mark outside of it, which a restored database cannot know. The mark is
 * written first, so whatever anybody saw is behind the mark.
 */
export const publishCheckpoint = async (
  pool: Pool,
  logId: string,
  { key, mark }: PublishOptions,
): Promise<Publication> => {
  const marked = await mark.read(logId)
  const head = await readHead(pool, logId)
  if (head === undefined || head.size === 0) return { status: 'unchanged' }
  const { origin, size, frontier, note: recorded } = head
  const signer = noteSigner(origin, key)
  const current = { origin, size, root: rootFromFrontier(frontier, size), extensions: [] }
  // Tiles only grow, so those read after the head hold at least what it needs.
  const readTile = tilesIn(pool, logId)
  const code =
    (await refusalAfter(marked, current, { readTile, signer })) ??
    (await refusalAfter(recorded, current, { readTile, signer })) ??
    ((await isMadeOfTiles(readTile, current)) ? undefined : 'edge_differs')
  if (code !== undefined) return { status: 'refused', logId, code }
  const note = signCheckpoint(current, signer)
  if (note === marked && note === recorded) return { status: 'unchanged' }
  await mark.write(logId, note)
  await pool.query(
    `insert into ledger.checkpoint (log_id, size, root, note) values ($1, $2, $3, $4)
     on conflict (log_id, size) do nothing`,
    [logId, size, current.root, note],
  )
  return { status: 'published', logId, origin, size, note }
}

const refusalAfter = async (
  note: string | null | undefined,
  current: Checkpoint,
  { readTile, signer }: { readonly readTile: ReadTile; readonly signer: NoteVerifier },
): Promise<SigningRefusal | undefined> => {
  if (note === null || note === undefined) return undefined
  const opened = openCheckpoint(note, { origin: current.origin, verifiers: [signer] })
  if (!opened.ok) return 'mark_invalid'
  const { checkpoint } = opened
  if (checkpoint.size > current.size) return 'rolled_back'
  try {
    const proof = await consistencyProof(readTile, checkpoint.size, current.size)
    return verifyGrowth(checkpoint, current, proof).ok ? undefined : 'rewritten'
  } catch (error) {
    if (error instanceof TileTooShort) return 'edge_differs'
    throw error
  }
}

const isMadeOfTiles = async (readTile: ReadTile, { size, root }: Checkpoint): Promise<boolean> => {
  try {
    return root.equals(await rootFromTiles(readTile, size))
  } catch (error) {
    if (error instanceof TileTooShort) return false
    throw error
  }
}

const readHead = async (pool: Pool, logId: string): Promise<Head | undefined> => {
  const { rows } = await pool.query<Omit<Head, 'size'> & { size: string }>(
    `select l.origin, h.size, h.frontier,
       (select c.note from ledger.checkpoint c where c.log_id = l.log_id order by c.size desc limit 1) as note
     from ledger.log l join ledger.log_head h using (log_id) where log_id = $1`,
    [logId],
  )
  const [row] = rows
  return row === undefined ? undefined : { ...row, size: Number(row.size) }
}
