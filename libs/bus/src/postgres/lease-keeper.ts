import type { Pool } from 'pg'
import { renew } from './progress.ts'

interface Tenure {
  readonly lost: AbortController
  renewedAt: number
}

/**
 * Renews the leases of one bus in one statement, three times in a lease's length, however long a handler takes.
 * A lease counts as lost when the database says so, and when no renewal got through for its length.
 */
export class LeaseKeeper {
  readonly #pool: Pool
  readonly #leaseMs: number
  readonly #tenures = new Map<string, Tenure>()
  readonly #timer: NodeJS.Timeout
  #renewing: Promise<void> | undefined

  constructor(pool: Pool, leaseMs: number) {
    this.#pool = pool
    this.#leaseMs = leaseMs
    this.#timer = setInterval(() => this.#tick(), leaseMs / 3)
  }

  /** Starts a tenure; `claimedAt` is `performance.now()` from before the claim was sent. The signal aborts when it is lost. */
  keep(holder: string, claimedAt: number): AbortSignal {
    const lost = new AbortController()
    this.#tenures.set(holder, { lost, renewedAt: claimedAt })
    return lost.signal
  }

  drop(holder: string): void {
    this.#tenures.delete(holder)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#renewing
  }

  #tick(): void {
    for (const tenure of this.#tenures.values()) {
      if (performance.now() - tenure.renewedAt > this.#leaseMs) tenure.lost.abort()
    }
    if (this.#tenures.size > 0) this.#renewing ??= this.#renewAll()
  }

  async #renewAll(): Promise<void> {
    const tenures = new Map(this.#tenures)
    const sentAt = performance.now()
    try {
      const held = await renew(this.#pool, [...tenures.keys()], this.#leaseMs)
      for (const [holder, tenure] of tenures) {
        if (held.has(holder)) tenure.renewedAt = sentAt
        else tenure.lost.abort()
      }
    } catch {
      // Tried again at the next tick; the tenures end by themselves when none gets through.
    } finally {
      this.#renewing = undefined
    }
  }
}
