import type { AttemptEvent } from '@countersign/contracts'
import { countRefusals, refusalsLeft, type StreamEvents, type Transaction } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'

/** A refused attempt: where it is recorded, on whose account it is counted, and the event that tells it. */
export type RefusedAttempt = {
  readonly tenantId: string
  /** Whose flood this would be: a client or a person. */
  readonly source: string
  readonly streamId: string
  readonly event: AttemptEvent
  readonly code: string
}

/** Attempts without an intent are kept in one stream per producer and day. */
export const attemptsOfDay = (tenantId: string, producer: string, now: string): string =>
  nameId('attempts', tenantId, producer, now.slice(0, 10))

/** How many attempts each source may still record by an event of its own; read before the append. */
export const roomFor = async (
  tx: Transaction,
  sources: readonly { tenantId: string; source: string }[],
): Promise<Map<string, number>> => {
  const left = sources.length === 0 ? [] : await refusalsLeft(tx, sources)
  return new Map(sources.map(({ tenantId, source }, index) => [`${tenantId}/${source}`, left[index] ?? 0]))
}

/** The event of an attempt while there is room for one; beyond that it is only counted. Uses the room up. */
export const recordAttempt = (attempt: RefusedAttempt, room: Map<string, number>): StreamEvents[] => {
  const key = `${attempt.tenantId}/${attempt.source}`
  const left = room.get(key) ?? 0
  if (left <= 0) return []
  room.set(key, left - 1)
  return [
    { stream: { kind: 'attempts', streamId: attempt.streamId, tenantId: attempt.tenantId }, events: [attempt.event] },
  ]
}

/** Counts every attempt exactly, recorded or not; after the append. */
export const countAttempts = (
  tx: Transaction,
  attempts: readonly (RefusedAttempt & { readonly recorded: boolean })[],
): Promise<void> =>
  countRefusals(
    tx,
    attempts.map(({ tenantId, source, code, streamId, recorded }) => ({
      tenantId,
      source,
      code,
      streamId,
      total: 1,
      recorded: recorded ? 1 : 0,
    })),
  )
