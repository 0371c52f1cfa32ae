import { randomUUID } from 'node:crypto'
import type { ParkingClaim } from './parking-lot.ts'

/** The time between two rebalances, in which a consumer has the same partitions. */
export class Tenure {
  readonly holder = randomUUID()
  readonly partitions: ReadonlyMap<string, readonly number[]>
  /** Keys that are stopped, by topic; only this consumer changes them while the tenure lasts. */
  readonly stopped = new Map<string, Set<string>>()
  readonly #lost = new AbortController()
  #isReady = false
  readonly #ready = Promise.withResolvers<void>()

  constructor(partitions: ReadonlyMap<string, readonly number[]>) {
    this.partitions = partitions
  }

  /** Aborts when another consumer may have the partitions. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Resolves when the starting points are recorded and the partitions are claimed, or the tenure is over. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get isReady(): boolean {
    return this.#isReady
  }

  begin(): void {
    this.#isReady = true
    this.#ready.resolve()
  }

  end(): void {
    this.#lost.abort()
    this.#ready.resolve()
  }

  has(topic: string, partition: number): boolean {
    return this.partitions.get(topic)?.includes(partition) ?? false
  }

  claimOf(group: string, topic: string): ParkingClaim {
    return { group, topic, partitions: this.partitions.get(topic) ?? [], holder: this.holder }
  }

  isStopped(topic: string, key: string | null): boolean {
    return key !== null && (this.stopped.get(topic)?.has(key) ?? false)
  }
}

/** Thrown inside the driver when what a handler answered no longer counts. */
export class OwnershipLost extends Error {
  override readonly name = 'OwnershipLost'
}
