import { refuse, type EventData, type Refusal } from '@countersign/contracts'
import type { LogRefusal, StoredEvent } from '@countersign/event-store'

/** What an operator asks for. */
export type Continue = {
  readonly log: string
  readonly reason: string
  /** The operator; null in another tenant's history. */
  readonly by: string | null
}

/**
 * Whether a log may go on under another origin. Only one that lost entries and whose rest holds, and once after each
 * adoption: a log that lacks entries although no database was restored since was tampered with.
 * @param refused what the ledger says of the log; undefined for one that it signs
 * @param history of the tenant's store, oldest first
 */
export const decideContinuation = (
  { log, reason, by }: Continue,
  refused: LogRefusal | undefined,
  history: readonly Pick<StoredEvent, 'type' | 'data'>[],
): EventData<'LogContinued'> | Refusal => {
  if (refused === undefined) return refuse('log_in_order')
  const { lost } = refused
  if (lost === undefined) return refuse('log_damaged')
  const last = history.findLast(({ type }) => type === 'StoreAdopted' || type === 'LogContinued')
  if (last?.type !== 'StoreAdopted') return refuse('log_not_adopted')
  const incarnation = (last.data as EventData<'StoreAdopted'>).toIncarnation
  const { origin, size, root, keptSize } = lost
  return {
    by,
    reason,
    log,
    refusedAs: refused.code,
    former: { origin, size, root: root.toString('base64') },
    keptSize,
    // Longer than every name before it, so it was never signed under, whatever the store has forgotten.
    origin: `${origin}/${incarnation}`,
    incarnation,
  }
}
