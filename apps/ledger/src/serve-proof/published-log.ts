import {
  type Checkpoint,
  consistencyProof,
  encodeEntryBundle,
  formatTlogProof,
  inclusionProof,
  noteSigner,
  parseCheckpoint,
  parseNote,
  type TileCoordinates,
  tileWidth,
} from '@countersign/merkle-log'
import type { KeyObject } from 'node:crypto'
import type { Pool } from 'pg'
import type { LogContinuations } from '@countersign/contracts'
import { digestOf, readContinuations, tilesIn } from '@countersign/ledger-check'

/** A log as readers see it: everything served is below its last checkpoint. */
export interface PublishedLog {
  readonly logId: string
  readonly tenantId: string
  readonly origin: string
  readonly size: number
  /** The last checkpoint, signed. */
  readonly note: string
}

/** Proof that an event is in a log, with what a reader needs to check it offline beside the log's key. */
export interface EventProof {
  readonly index: number
  /** Size of the tree that the proof is for. */
  readonly size: number
  /** `sha256:<hex>` of the leaf. */
  readonly leafHash: string
  /** `.tlog-proof` text: index, hashes and the signed checkpoint. */
  readonly proof: string
}

/** One log of a tenant as the list shows it. */
export interface LogSummary {
  readonly log: string
  readonly origin: string
  /** Verifier key to hand to whoever checks (c2sp.org/signed-note). */
  readonly vkey: string
  readonly size: number
}

interface PublishedRow {
  log_id: string
  tenant_id: string
  origin: string
  note: string
}

const published = `
  select l.log_id, l.tenant_id, l.origin, c.note from ledger.log l
  cross join lateral (
    select note from ledger.checkpoint c where c.log_id = l.log_id order by c.size desc limit 1) as c`

/** The log, or `undefined` when there is none or nothing of it is published yet. */
export const findLog = async (pool: Pool, logId: string): Promise<PublishedLog | undefined> => {
  const { rows } = await pool.query<PublishedRow>({
    text: `${published} where l.log_id = $1`,
    values: [logId],
  })
  return rows.map(publishedLog)[0]
}

/** Logs of a tenant with the keys that verify them. */
export const listLogs = async (pool: Pool, tenantId: string, key: KeyObject): Promise<LogSummary[]> => {
  const { rows } = await pool.query<PublishedRow>(`${published} where l.tenant_id = $1`, [tenantId])
  return rows
    .map(publishedLog)
    .map(({ logId, origin, size }) => ({ log: logId, origin, vkey: noteSigner(origin, key).vkey, size }))
}

/** Bytes of a tile, or `undefined` when the published tree has no tile of that width there. */
export const readTile = async (
  pool: Pool,
  log: PublishedLog,
  tile: TileCoordinates,
): Promise<Uint8Array | undefined> => {
  const { level, index, width } = tile
  if (tileWidth(level === 'entries' ? 0 : level, index, log.size) < width) return undefined
  if (level === 'entries') return readEntryBundle(pool, log, tile)
  const hashes = await tilesIn(pool, log.logId)(level, index, width)
  return hashes.length === width * 32 ? hashes : undefined
}

const readEntryBundle = async (pool: Pool, log: PublishedLog, { index, width }: TileCoordinates): Promise<Buffer> => {
  const first = index * 256
  const { rows } = await pool.query<{ leaf: Buffer }>({
    text: 'select leaf from ledger.entry where log_id = $1 and idx >= $2 and idx < $3 order by idx',
    values: [log.logId, first, first + width],
  })
  if (rows.length !== width) throw new Error(`log ${log.logId} has lost an entry between ${first} and ${first + width}`)
  return encodeEntryBundle(rows.map(({ leaf }) => leaf))
}

/** Proof for an event in the published tree; `undefined` when it is not (yet) in it. */
export const proveEvent = async (pool: Pool, log: PublishedLog, eventId: string): Promise<EventProof | undefined> => {
  const { rows } = await pool.query<{ idx: string; leaf_hash: Buffer }>({
    text: 'select idx, leaf_hash from ledger.entry where log_id = $1 and event_id = $2',
    values: [log.logId, eventId],
  })
  const [entry] = rows
  const index = Number(entry?.idx)
  if (entry === undefined || index >= log.size) return undefined
  const hashes = await inclusionProof(tilesIn(pool, log.logId), index, log.size)
  const proof = formatTlogProof({ index, hashes, checkpoint: log.note })
  return { index, size: log.size, leafHash: digestOf(entry.leaf_hash), proof }
}

/** Each time that the log went on under another origin, with the proof of the entry that says so; oldest first. */
export const listContinuations = async (pool: Pool, log: PublishedLog): Promise<LogContinuations> => {
  const { logId, origin, size, note } = log
  const published = (await readContinuations(pool, log)).filter(({ index }) => index < size)
  const proven = published.map(async ({ index, leaf }) => {
    const hashes = await inclusionProof(tilesIn(pool, logId), index, size)
    return { proof: formatTlogProof({ index, hashes, checkpoint: note }), leaf: leaf.toString('base64') }
  })
  return { log: logId, origin, continuations: await Promise.all(proven) }
}

/** Hashes that show `to` to be `from` and more, base64; `undefined` unless `0 < from <= to <=` published size. */
export const proveGrowth = async (
  pool: Pool,
  log: PublishedLog,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<string[] | undefined> => {
  if (from < 1 || from > to || to > log.size) return undefined
  const hashes = await consistencyProof(tilesIn(pool, log.logId), from, to)
  return hashes.map((hash) => hash.toString('base64'))
}

const publishedLog = (row: PublishedRow): PublishedLog => ({
  logId: row.log_id,
  tenantId: row.tenant_id,
  origin: row.origin,
  size: checkpointIn(row.note).size,
  note: row.note,
})

// What is served is held against the text that was signed, not against columns beside it.
const checkpointIn = (note: string): Checkpoint => {
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '')
  if (checkpoint === undefined) throw new Error('a stored checkpoint is not one')
  return checkpoint
}
