import type { Bus, OutboundRecord } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { startWorkLoop } from '../work-loop.ts'

export interface AnnouncerOptions {
  readonly bus: Pick<Bus, 'publish'>
  readonly onSuccess: () => void
  readonly onFailure: (error: unknown) => void
}

/** Puts checkpoints on the bus beside the publisher, so that a bus that fails or hangs never holds up signing. */
export interface Announcer {
  /** Queues a log's checkpoint. One that still waits gives way to it: the newer one covers what it said. */
  announce(checkpoint: { readonly origin: string; readonly note: string }): void
  /** Sends what waits, unless the bus fails already, and ends. */
  stop(): Promise<void>
}

const IDLE_MS = 60_000

/** Starts announcing; what could not be sent is tried again. */
export const announceCheckpoints = ({ bus, onSuccess, onFailure }: AnnouncerOptions): Announcer => {
  const waiting = new Map<string, OutboundRecord>()
  let isFailing = false
  const loop = startWorkLoop({
    work: async () => {
      const sending = [...waiting]
      if (sending.length === 0) return false
      await bus.publish(sending.map(([, record]) => record))
      for (const [origin, record] of sending) if (waiting.get(origin) === record) waiting.delete(origin)
      return waiting.size > 0
    },
    onSuccess: () => {
      isFailing = false
      onSuccess()
    },
    onFailure: (error) => {
      isFailing = true
      onFailure(error)
    },
    idleMs: IDLE_MS,
  })
  return {
    announce: ({ origin, note }) => {
      waiting.set(origin, checkpointRecord(origin, note))
      loop.wake()
    },
    stop: async () => {
      if (waiting.size > 0 && !isFailing) await loop.attempt()
      await loop.stop()
    },
  }
}

const checkpointRecord = (origin: string, note: string): OutboundRecord => ({
  topic: topics.checkpoints,
  key: origin,
  value: Buffer.from(note),
  headers: { 'content-type': 'text/plain; charset=utf-8' },
})
