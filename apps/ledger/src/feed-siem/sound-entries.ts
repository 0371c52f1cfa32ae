import { eventInLeaf, type LeafEvent } from '@countersign/ledger-check'
import { leafHash } from '@countersign/merkle-log'
import type { UnfedEntry, UnfedLog } from './read-unfed.ts'

/** Why a log is not fed further: its next entry is gone, or is not what its hash says. An operator has to look. */
export type FeedObstacle = 'entry_missing' | 'leaf_differs'

/** An entry that hashes to what the log holds, with what its leaf says. */
export interface SoundEntry extends UnfedEntry {
  readonly logId: string
  readonly tenantId: string
  readonly origin: string
  readonly event: LeafEvent
}

export interface SoundLog {
  readonly logId: string
  readonly entries: readonly SoundEntry[]
  /** What stands behind the last of them; `undefined` when nothing is wrong. */
  readonly obstacle: FeedObstacle | undefined
}

/**
 * The entries of a log that can be fed, one after the other from where the feed stands, up to the first that is missing or
 * changed. The event is read out of the leaf itself: what a row tells is what its leaf hash covers.
 */
export const soundEntries = ({ logId, tenantId, origin, fed, entries }: UnfedLog): SoundLog => {
  const sound: SoundEntry[] = []
  for (const entry of entries) {
    if (entry.index !== fed + sound.length) return { logId, entries: sound, obstacle: 'entry_missing' }
    const event = leafHash(entry.leaf).equals(entry.leafHash) ? eventInLeaf(entry.leaf) : undefined
    if (event === undefined) return { logId, entries: sound, obstacle: 'leaf_differs' }
    sound.push({ ...entry, logId, tenantId, origin, event })
  }
  return { logId, entries: sound, obstacle: entries.length === 0 ? 'entry_missing' : undefined }
}
