import type { Admin, Consumer } from 'kafkajs'
import type { SeekTarget, SubscribeOptions } from '../bus.ts'
import { coordinatesOf } from './delivered.ts'
import { pause } from './environment.ts'
import type { ParkingLot } from './parking-lot.ts'
import { type Commits, type Ends, placeOf, readCommitted, readEnds } from './progress.ts'
import type { Tenure } from './tenure.ts'

export interface PlacementOptions {
  readonly consumer: Consumer
  readonly commits: Commits
  readonly admin: () => Promise<Admin>
  readonly subscription: Pick<SubscribeOptions, 'group' | 'from'>
}

export interface Preparation {
  readonly parking: ParkingLot
  readonly stopping: AbortSignal
  readonly backoffMs: (attempt: number) => number
  readonly onOutage: (topic: string, error: unknown) => void
}

/** Where a member begins and where it is sent: moves its partitions and records that. */
export class Placement {
  readonly #options: PlacementOptions
  #starts = new Map<string, Ends>()
  #begun: ReadonlySet<string> = new Set()

  constructor(options: PlacementOptions) {
    this.#options = options
  }

  /**
   * Remembers the ends of the topics, for `latest` is from now on, not from when the group has sorted itself out; and
   * on which of them the group has progress. Called before joining, when no member of this generation can have any yet.
   */
  async look(topics: readonly string[]): Promise<void> {
    const admin = await this.#options.admin()
    this.#starts = await readEnds(admin, topics)
    this.#begun = new Set((await readCommitted(admin, this.#options.subscription.group, topics)).keys())
  }

  /** Records the starting points and claims the partitions, however often that fails, then lets the tenure begin. */
  async prepare(tenure: Tenure, { parking, stopping, backoffMs, onOutage }: Preparation): Promise<void> {
    const { group } = this.#options.subscription
    for (let attempt = 1; !tenure.signal.aborted && !stopping.aborted; attempt += 1) {
      try {
        await this.#recordStarts(tenure)
        for (const topic of tenure.partitions.keys()) {
          tenure.stopped.set(topic, new Set(await parking.claim(tenure.claimOf(group, topic))))
        }
        break
      } catch (error) {
        // The first try can be too early: a member has its partitions a moment before kafkajs lets it commit.
        if (attempt > 1) for (const topic of tenure.partitions.keys()) onOutage(topic, error)
        await pause(backoffMs(attempt), stopping)
      }
    }
    tenure.begin()
  }

  /** Gives partitions that the group never consumed the place where it begins. */
  async #recordStarts(tenure: Tenure): Promise<void> {
    const topics = [...tenure.partitions.keys()]
    if (topics.length === 0) return
    const { group, from = 'earliest' } = this.#options.subscription
    const committed = await readCommitted(await this.#options.admin(), group, topics)
    for (const [topic, partitions] of tenure.partitions) {
      for (const partition of partitions) {
        const ends = this.#starts.get(placeOf(topic, partition))
        if (ends === undefined || committed.get(topic)?.has(partition)) continue
        // A partition that a known topic got later holds nothing that the group chose not to have.
        const isLatest = from === 'latest' && !this.#begun.has(topic)
        this.#place({ topic, partition, offset: isLatest ? ends.high : ends.low })
      }
    }
    await this.#options.commits.record()
  }

  /** The partitions of the topic that a target moves, with their new places, as far as the topic goes. */
  async targets(topic: string, target: SeekTarget): Promise<ReadonlyMap<number, bigint>> {
    const wanted = typeof target === 'string' ? undefined : coordinatesOf(target.position)
    const ends = await readEnds(await this.#options.admin(), [topic])
    const targets = new Map<number, bigint>()
    for (let partition = 0; ; partition += 1) {
      const known = ends.get(placeOf(topic, partition))
      if (known === undefined) break
      if (wanted !== undefined && wanted.partition !== partition) continue
      const offset = wanted === undefined ? (target === 'latest' ? known.high : known.low) : BigInt(wanted.offset)
      targets.set(partition, offset < known.low ? known.low : offset > known.high ? known.high : offset)
    }
    if (targets.size === 0) throw new TypeError('the topic has no such partition')
    return targets
  }

  /** Moves those of the targets that the tenure has; false when it has none or the group goes through a rebalance. */
  async move(tenure: Tenure, topic: string, targets: ReadonlyMap<number, bigint>): Promise<boolean> {
    const own = [...targets].filter(([partition]) => tenure.has(topic, partition))
    if (own.length === 0) return false
    for (const [partition, offset] of own) this.#place({ topic, partition, offset })
    return this.#options.commits.record().then(
      () => true,
      () => false,
    )
  }

  #place(place: { readonly topic: string; readonly partition: number; readonly offset: bigint }): void {
    this.#options.consumer.seek({ ...place, offset: String(place.offset) })
    this.#options.commits.note(place)
  }
}
