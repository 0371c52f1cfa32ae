import type { KeyObject } from 'node:crypto'
import { tilesIn } from '@countersign/ledger-check'
import { noteSigner, rootFromFrontier, signCheckpoint } from '@countersign/merkle-log'
import type { Pool } from 'pg'
import { noteLogRefusal } from '@countersign/event-store'
import { continuedOrigin } from './continued-origin.ts'
import { type Head, type HeadJudgement, judgeHead, type SigningRefusal } from './judge-head.ts'
import type { PublishedMark } from './published-mark.ts'

export type { SigningRefusal } from './judge-head.ts'

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
 *
 * A log that lost entries with a restored database is signed again once an operator's act is in it, and then under another
 * origin: under the former one nothing is ever signed that does not continue its mark.
 */
export const publishCheckpoint = async (
  pool: Pool,
  logId: string,
  { key, mark }: PublishOptions,
): Promise<Publication> => {
  const marked = await mark.read(logId)
  const head = await readHead(pool, logId)
  if (head === undefined || head.size === 0) return { status: 'unchanged' }
  const { size, note: recorded, tenantId } = head
  const tree = { size, root: rootFromFrontier(head.frontier, size) }
  // Tiles only grow, so those read after the head hold at least what it needs.
  const readTile = tilesIn(pool, logId)
  const judged = await judgeHead({ ...head, marked }, tree, { readTile, key })
  const origin = judged.code === undefined ? head.origin : await continuedOrigin(pool, { head, tree, judged, readTile })
  if (judged.code !== undefined && origin === undefined) return refusedLog(pool, { logId, tenantId, judged })
  const signer = noteSigner(origin ?? head.origin, key)
  const note = signCheckpoint(tree, signer)
  if (note === marked && note === recorded) {
    await pool.query('select countersign.forget_log_refusal($1)', [logId])
    return { status: 'unchanged' }
  }
  if (marked !== undefined && !marked.startsWith(`${signer.name}\n`)) await mark.keep(logId, marked)
  await mark.write(logId, note)
  await pool.query(
    `with renamed as (update ledger.log set origin = $5 where log_id = $1 and origin <> $5),
       signed as (select countersign.forget_log_refusal($1))
     insert into ledger.checkpoint (log_id, size, root, note) select $1, $2, $3, $4 from signed
     on conflict (log_id, size) do nothing`,
    [logId, size, tree.root, note, signer.name],
  )
  return { status: 'published', logId, origin: signer.name, size, note }
}

const refusedLog = async (
  pool: Pool,
  { logId, tenantId, judged }: { logId: string; tenantId: string; judged: HeadJudgement },
): Promise<Publication> => {
  const { code = 'mark_invalid', lost } = judged
  const told =
    lost === undefined
      ? undefined
      : { origin: lost.former.origin, size: lost.former.size, root: lost.former.root, keptSize: lost.keptSize }
  await noteLogRefusal(pool, { logId, tenantId, code, lost: told })
  return { status: 'refused', logId, code }
}

const readHead = async (pool: Pool, logId: string): Promise<Head | undefined> => {
  const { rows } = await pool.query<{
    tenant_id: string
    origin: string
    size: string
    frontier: Buffer
    note: string | null
  }>(
    `select l.tenant_id, l.origin, h.size, h.frontier,
       (select c.note from ledger.checkpoint c where c.log_id = l.log_id order by c.size desc limit 1) as note
     from ledger.log l join ledger.log_head h using (log_id) where log_id = $1`,
    [logId],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const { tenant_id: tenantId, origin, size, frontier, note } = row
  return { logId, tenantId, origin, size: Number(size), frontier, note: note ?? undefined }
}
