import type { AttemptEvent } from '@countersign/contracts'
import { countRefusals, refusalsLeft, type StreamEvents, type Transaction } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'

/** Events of intake that tell a refusal; `count` says how many attempts one stands for. */
export type RefusalEvent = Extract<
  AttemptEvent,
  { readonly type: 'ActionIntentRefused' | 'CommandRefused' | 'GrantRefused' }
>

/** A refused attempt: where it is recorded, on whose account it is counted, and the event that tells it. */
export type RefusedAttempt = {
  readonly tenantId: string
  /** Whose flood this would be: a client or a person. */
  readonly source: string
  readonly streamId: string
  readonly event: RefusalEvent
  readonly code: string
  /** Whose record asked, where it came on the bus: the relay answers there. */
  readonly producer?: string
}

/** Stands for all people of a tenant; no producer can be named so. */
export const ofPeople = '@people'

/** Attempts without an intent are kept in one stream per day and producer, or per day and the people of the tenant. */
export const attemptsOfDay = (tenantId: string, producer: string, now: string): string =>
  nameId('attempts', tenantId, producer, now.slice(0, 10))

const longestPointer = 256

/**
 * The pointer member of a refusal's event: cut to what an event holds, and never within a surrogate pair, which the store
 * could not keep. Keys of parameters are the caller's choice, so a pointer may be of any length.
 */
export const recordedPointer = (pointer: string | undefined): { readonly pointer?: string } =>
  pointer === undefined || pointer === ''
    ? {}
    : { pointer: pointer.slice(0, longestPointer).replace(/[\uD800-\uDBFF]$/, '') }

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
  const { streamId, tenantId, producer, event } = attempt
  const metadata = producer === undefined ? {} : { metadata: { producer } }
  return [{ stream: { kind: 'attempts', streamId, tenantId }, events: [event], ...metadata }]
}

/** Counts every attempt exactly, recorded or not; after the append. One event may stand for several attempts. */
export const countAttempts = (
  tx: Transaction,
  attempts: readonly (RefusedAttempt & { readonly recorded: boolean })[],
): Promise<void> =>
  countRefusals(
    tx,
    attempts.map(({ tenantId, source, code, streamId, event, recorded }) => ({
      tenantId,
      source,
      code,
      streamId,
      total: event.data.count,
      // An event is one, however many attempts it stands for: else the first second of a flood would hush the next nine.
      recorded: recorded ? 1 : 0,
    })),
  )

const recorded = new WeakSet<object>()

/**
 * Passes on the refusal of a command whose attempt was recorded in its own transaction, so that it is not recorded again on
 * its way out.
 */
export const asRecorded = <Refused extends object>(refusal: Refused): Refused => {
  recorded.add(refusal)
  return refusal
}

export const isRecorded = (refusal: object): boolean => recorded.has(refusal)
