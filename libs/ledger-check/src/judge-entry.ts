import { leafHash } from '@countersign/merkle-log'
import { canonicalJson } from '@countersign/redaction'
import { leafOf, type LoggedEvent } from './leaf.ts'
import type { Finding } from './finding.ts'

/** A row of `ledger.entry` as it is stored now. */
export interface StoredEntry {
  readonly index: number
  readonly eventId: string
  readonly kind: string
  readonly streamId: string
  readonly version: number
  readonly leafHash: Buffer
  readonly leaf: Buffer
  /** Stored hash of the entry before it in its stream, null when there is none. */
  readonly prevHash: Buffer | null
  readonly prevIndex: number | null
}

/** Everything that is known about one place of a log. */
export interface EntryEvidence {
  readonly logId: string
  readonly entry: StoredEntry
  /** The event row that the entry is about; `undefined` when it is gone. */
  readonly event: LoggedEvent | undefined
  /** Hash that the level 0 tile has at this place; `undefined` when the tile does not reach there. */
  readonly tileHash: Uint8Array | undefined
  /** Whether the tiles make the root of a checkpoint that is trusted: then their hash is what was recorded. */
  readonly isTileVouched: boolean
  /** Whether the entry before it in its stream has a finding of its own. */
  readonly isPrevSuspect: boolean
}

export interface Judgement {
  readonly findings: readonly Finding[]
  /** Hash of the leaf as the event row makes it; where the row is what differs, as it was recorded. */
  readonly hash: Uint8Array
}

interface LeafText {
  readonly id: unknown
  readonly kind: unknown
  readonly stream: unknown
  readonly version: unknown
  readonly prev: unknown
}

/** The members of a stored leaf, or `undefined` when it is no JSON object any more. */
export const parseLeaf = (leaf: Uint8Array): LeafText | undefined => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(leaf).toString())
    return typeof parsed === 'object' && parsed !== null ? (parsed as LeafText) : undefined
  } catch {
    return undefined
  }
}

/**
 * Says which of event row, entry and tile is not what was recorded. Each of the three gives a hash for the place. A tile
 * that a checkpoint vouches for is right; otherwise two that agree convict the third. That only decides what is named:
 * the log as a whole is held against the checkpoint.
 */
export const judgeEntry = (evidence: EntryEvidence): Judgement => {
  const { logId, entry, event, tileHash, isTileVouched, isPrevSuspect } = evidence
  const { index, eventId } = entry
  const recorded = leafHash(entry.leaf)
  const text = parseLeaf(entry.leaf)
  const findings: Finding[] = []
  const named = { index, eventId, kind: entry.kind, streamId: entry.streamId, version: entry.version }

  // The row's own leaf, with the link that was recorded: an earlier entry's fault is not this row's.
  const link = linkOf(text, entry.prevHash)
  const fromRow = event === undefined ? undefined : leafOf(event, logId, link)
  const isSameLeaf = fromRow?.hash.equals(recorded) === true && !isTileVouched
  const rowAgrees = fromRow !== undefined && (isSameLeaf || same(fromRow.hash, tileHash))
  const entryAgrees = isSameLeaf || same(recorded, tileHash)

  const columns = entryAgrees ? [] : ['leaf']
  if (!entry.leafHash.equals(entryAgrees ? recorded : (tileHash ?? recorded))) columns.push('leaf_hash')
  if (entryAgrees && text !== undefined) columns.push(...differingColumns(text, entry))
  if (columns.length > 0) findings.push({ code: 'entry_differs', index, eventId, columns })
  if (event === undefined) findings.push({ code: 'event_missing', ...named })
  else if (!rowAgrees) findings.push({ code: 'event_differs', ...named, fields: differingFields(fromRow, text) })
  if (findings.length === 0 && !isPrevSuspect && !sameLink(text, entry.prevHash)) {
    findings.push({ code: 'chain_differs', index, eventId })
  }
  if (isTileVouched && tileHash !== undefined) return { findings, hash: tileHash }
  return { findings, hash: rowAgrees || !entryAgrees ? (fromRow?.hash ?? recorded) : recorded }
}

const same = (hash: Buffer, other: Uint8Array | undefined): boolean => other !== undefined && hash.equals(other)

const linkOf = (text: LeafText | undefined, prevHash: Buffer | null): Buffer | null => {
  const hex = typeof text?.prev === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(text.prev)?.[1] : undefined
  if (hex !== undefined) return Buffer.from(hex, 'hex')
  return text?.prev === null ? null : prevHash
}

const sameLink = (text: LeafText | undefined, prevHash: Buffer | null): boolean =>
  text?.prev === (prevHash === null ? null : `sha256:${prevHash.toString('hex')}`)

const differingColumns = (text: LeafText, entry: StoredEntry): string[] => {
  const pairs: [string, unknown, unknown][] = [
    ['event_id', text.id, entry.eventId],
    ['kind', text.kind, entry.kind],
    ['stream_id', text.stream, entry.streamId],
    ['version', text.version, entry.version],
  ]
  return pairs.flatMap(([column, recorded, stored]) => (recorded === stored ? [] : [column]))
}

const differingFields = (fromRow: { bytes: Buffer } | undefined, text: LeafText | undefined): string[] => {
  const now = fromRow === undefined ? {} : (JSON.parse(fromRow.bytes.toString()) as Record<string, unknown>)
  const then = (text ?? {}) as Record<string, unknown>
  return Object.keys(now).filter((field) => !Object.hasOwn(then, field) || !sameJson(now[field], then[field]))
}

const sameJson = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b)
