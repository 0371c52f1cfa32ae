import { refuse, type Refusal } from '@countersign/contracts'
import type { StoreMark } from './mark-folder.ts'

/**
 * Why a store may not be the one that was published from. `store_in_recovery`: a standby; `store_other_system`,
 * `store_other_timeline`: restored or failed over since its incarnation was opened; `store_behind_mark`: what was published
 * last is not in it, and nothing after it either; `store_diverged`: it went on another way than what was published;
 * `store_adoption_unfinished`: its incarnation was opened by an adoption that did not end; `store_mark_missing`,
 * `store_mark_invalid`, `store_mark_unreadable`: what was published cannot be told.
 */
export type StoreDoubt =
  | 'store_in_recovery'
  | 'store_other_system'
  | 'store_other_timeline'
  | 'store_behind_mark'
  | 'store_diverged'
  | 'store_adoption_unfinished'
  | 'store_mark_missing'
  | 'store_mark_invalid'
  | 'store_mark_unreadable'

/** What a store says of itself beside a mark. */
export type StoreStanding = {
  /** The open incarnation, and whether this is still the server on which it was opened. */
  readonly incarnation: number
  readonly isSameSystem: boolean
  /** False after a restore to a point in time or a fail-over; null on a standby. */
  readonly isSameTimeline: boolean | null
  /** Server and timeline on which the incarnation was opened. */
  readonly systemIdentifier: string
  readonly timeline: string
  /** Whether the relay ever published from it. */
  readonly isPublished: boolean
  /** Id of the event at the mark. */
  readonly markedEvent: string | null
  /** Whether there is an event beyond the mark. */
  readonly isBeyond: boolean
}

/**
 * What is doubtful about a store; undefined when it is the one that the mark knows. Only a store from which nothing was
 * ever published needs no mark, and only an adoption takes a mark to the next incarnation, as its last step.
 */
export const storeDoubt = (standing: StoreStanding, mark: StoreMark | undefined): StoreDoubt | undefined => {
  if (standing.isSameTimeline === null) return 'store_in_recovery'
  if (!standing.isSameSystem) return 'store_other_system'
  if (!standing.isSameTimeline) return 'store_other_timeline'
  if (mark === undefined) return standing.isPublished || standing.incarnation > 1 ? 'store_mark_missing' : undefined
  if (mark.incarnation < standing.incarnation) return 'store_adoption_unfinished'
  if (mark.incarnation > standing.incarnation) return 'store_behind_mark'
  if (mark.systemIdentifier !== standing.systemIdentifier) return 'store_other_system'
  if (mark.timeline !== standing.timeline) return 'store_other_timeline'
  if (mark.event === undefined || mark.event.eventId === standing.markedEvent) return undefined
  return standing.markedEvent !== null || standing.isBeyond ? 'store_diverged' : 'store_behind_mark'
}

/** The store may not be the one that was published from: it serves reads until an operator adopts it. */
export class StoreNotAdopted extends Error {
  override readonly name = 'StoreNotAdopted'
  readonly doubt: StoreDoubt
  /** What the caller is told. */
  readonly refusal: Refusal = refuse('store_not_adopted')

  constructor(doubt: StoreDoubt, options: ErrorOptions = {}) {
    super(`nothing is appended or published: ${doubt}`, options)
    this.doubt = doubt
  }
}
