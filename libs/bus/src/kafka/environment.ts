import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import type { BusHooks, OutboundRecord } from '../bus.ts'
import type { SeverableClient } from './client.ts'
import type { ConsumerTiming } from './timing.ts'
import type { ParkingLot } from './parking-lot.ts'

/** What the consumers of one bus share. */
export interface ConsumerEnvironment {
  /** A client of its own; `isClosing` keeps the consumer from restarting. */
  readonly client: (isClosing: () => boolean, onLine: () => void) => SeverableClient
  readonly admin: () => Promise<Admin>
  readonly parking: ParkingLot
  readonly hooks: BusHooks
  readonly timing: ConsumerTiming
  readonly onDead: (reason: Error) => void
  readonly publish: (records: readonly OutboundRecord[]) => Promise<void>
}

/** Ends early, without an error, when the signal aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)

/** Resolves with the promise or after the time, whichever is first; never rejects. */
export const atMost = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const over = new AbortController()
  await Promise.race([work.catch(() => undefined), pause(ms, over.signal)])
  over.abort()
}

/** The work's answer, unless the signal aborts first; then what becomes of the work is nobody's concern. */
export const unlessAborted = async <Answer>(signal: AbortSignal, work: Promise<Answer>): Promise<Answer> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const give = (): void => reject(signal.reason)
  signal.addEventListener('abort', give, { once: true })
  if (signal.aborted) give()
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', give)
  }
}
