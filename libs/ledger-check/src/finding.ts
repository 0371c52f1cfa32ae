/** An event row or ledger entry by the names that a person can look it up with. */
export interface NamedEvent {
  readonly eventId: string
  readonly kind: string
  readonly streamId: string
  readonly version: number
}

/** One thing in the store that is not as it was recorded. Names places, never contents. */
export type Finding =
  /** The event row is not what its entry recorded; `fields` are the members of the leaf that differ. */
  | (NamedEvent & { readonly code: 'event_differs'; readonly index: number; readonly fields: readonly string[] })
  /** An entry without its event row. */
  | (NamedEvent & { readonly code: 'event_missing'; readonly index: number })
  /** An event row behind the ledger's cursor without an entry: inserted later, or its entry is gone. */
  | (NamedEvent & { readonly code: 'event_not_logged'; readonly position: string })
  /** The entry was changed; `columns` say where. */
  | {
      readonly code: 'entry_differs'
      readonly index: number
      readonly eventId: string
      readonly columns: readonly string[]
    }
  | { readonly code: 'entry_missing'; readonly index: number }
  /** The entry does not name the one before it in its stream. */
  | { readonly code: 'chain_differs'; readonly index: number; readonly eventId: string }
  | {
      readonly code: 'tile_differs'
      readonly level: number
      readonly index: number
      readonly position: number
      readonly firstLeaf: number
    }
  | { readonly code: 'tile_missing' | 'tile_extra'; readonly level: number; readonly index: number }
  /** The log's head is not what its entries make. */
  | { readonly code: 'head_differs'; readonly size: number; readonly entries: number }
  /** The log does not have this root at this size; `known` is the checkpoint brought from outside. */
  | { readonly code: 'root_differs' | 'log_too_short'; readonly size: number; readonly checkpoint: CheckpointName }
  /** A stored checkpoint is not a checkpoint of this log by this key, or does not say what the row says. */
  | { readonly code: 'checkpoint_differs'; readonly size: number }
  /** Entries that the known checkpoint had went with a restored database; the log went on without them, as entry `index` says. */
  | { readonly code: 'entries_lost'; readonly from: number; readonly size: number; readonly index: number }
  | { readonly code: 'origin_differs' | 'log_missing' }
  /** The mapping of a subject id is not the one that was committed to when the id was first used. */
  | { readonly code: 'subject_differs'; readonly subjectId: string; readonly eventId: string }
  /** A mapping that no event has introduced. */
  | { readonly code: 'subject_not_introduced'; readonly subjectId: string }

export type CheckpointName = 'known' | 'stored'

/** Findings that a report lists; the others are only counted. */
export const MAX_FINDINGS = 1_000

/** Collects findings up to a bound. */
export class Findings {
  readonly listed: Finding[] = []
  total = 0

  add(...findings: readonly Finding[]): void {
    this.total += findings.length
    this.listed.push(...findings.slice(0, MAX_FINDINGS - this.listed.length))
  }
}
