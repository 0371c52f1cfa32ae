import { type GatheredAsks, intentStream, type Loaded, type StreamRef } from '@countersign/event-store'
import type { EventData, IntentView } from '@countersign/contracts'
import { WaitingPlaces, type WaitingReaders } from '@countersign/service-kit'
import { intentView, isUndecided } from './intent-view.ts'

/** Without a wake-up a waiting reader looks again after this long: a lost one costs time only. */
const safetyMs = 1_000
/** Reads of one caller that wait at a time. */
const mostWaiting = 1_000

type Published = EventData<'ActionIntentPublished'>

export type ReadRequest = {
  readonly tenantId: string
  readonly intentId: string
  readonly waitMs: number
  /** Who waits: each has so many places. */
  readonly caller: string
  /** The state that the caller knows: another one ends the wait. Without it only a decision does. */
  readonly known?: string | undefined
  /** Whether the caller may see the intent; asked before anybody waits, so that waiting tells nothing. */
  readonly mayRead: (intent: Published) => boolean
}

/**
 * Reads intents for their requesters: as they stand, or once they are decided or no longer
 * in the state that the caller knows, at most `waitMs` later. Always from the
 * store, in the tenant of the caller. Undefined when there is none that the caller may see.
 */
export class ReadIntent {
  readonly #reads: GatheredAsks<StreamRef, Loaded>
  readonly #waiting: WaitingReaders
  readonly #stopping: AbortSignal
  readonly #places = new WaitingPlaces(mostWaiting)

  constructor(reads: GatheredAsks<StreamRef, Loaded>, waiting: WaitingReaders, stopping: AbortSignal) {
    this.#reads = reads
    this.#waiting = waiting
    this.#stopping = stopping
  }

  async handle(request: ReadRequest): Promise<IntentView | undefined> {
    if (request.waitMs === 0) return this.#read(request)
    const leave = this.#places.take(request.caller)
    try {
      return await this.#read(request)
    } finally {
      leave()
    }
  }

  async #read({ tenantId, intentId, waitMs, known, mayRead }: ReadRequest): Promise<IntentView | undefined> {
    const ref = intentStream(tenantId, intentId)
    const until = performance.now() + waitMs
    for (;;) {
      // Asked for before the read, so that an append between the two is not missed.
      const pauseMs = Math.min(safetyMs, Math.max(1, until - performance.now()))
      const woken = this.#waiting.next(intentId, pauseMs, this.#stopping)
      const loaded = await this.#reads.ask(ref)
      const stream = loaded.of(ref)
      const view = intentView(stream, loaded.now)
      const [first] = stream.events
      if (view === undefined || first?.type !== 'ActionIntentPublished' || !mayRead(first.data)) return undefined
      const isNews = known === undefined ? !isUndecided(view) : view.state !== known
      if (isNews || performance.now() >= until || this.#stopping.aborted) return view
      await woken
    }
  }
}
