import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Consumer } from 'kafkajs'
import type { TopicLag } from '../bus.ts'
import type { ParkingLot } from './parking-lot.ts'
import { isOfType } from './refusal.ts'

/** The ends of a partition: the oldest record that is there, and the next to come. */
export interface Ends {
  readonly low: bigint
  readonly high: bigint
}

export const placeOf = (topic: string, partition: number): string => `${topic}:${partition}`

/** The ends of all partitions of the topics, by place. */
export const readEnds = async (admin: Admin, topics: readonly string[]): Promise<Map<string, Ends>> => {
  const ends = new Map<string, Ends>()
  for (const topic of topics) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      ends.set(placeOf(topic, partition), { low: BigInt(low), high: BigInt(high) })
    }
  }
  return ends
}

/** What a broker answers while a group's coordinator starts or moves; kafkajs's admin client gives up on them. */
const coordinatorMoves = ['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS']
const moveTries = 50
const moveMs = 100

/** Asks again while the coordinator moves, for some seconds. */
const onceSettled = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === moveTries || !isOfType(error, ...coordinatorMoves)) throw error
      await sleep(moveMs)
    }
  }
}

/** What a group has recorded, by topic and partition; without topics, of all that it has progress on. */
export const readCommitted = async (
  admin: Admin,
  group: string,
  topics: readonly string[] = [],
): Promise<Map<string, Map<number, bigint>>> => {
  const committed = new Map<string, Map<number, bigint>>()
  const answer = await onceSettled(() => admin.fetchOffsets({ groupId: group, topics: [...topics] }))
  for (const { topic, partitions } of answer) {
    const known = partitions.filter(({ offset }) => Number(offset) >= 0)
    if (known.length > 0) committed.set(topic, new Map(known.map((each) => [each.partition, BigInt(each.offset)])))
  }
  return committed
}

export const readLag = async (admin: Admin, parking: ParkingLot, group: string): Promise<readonly TopicLag[]> => {
  const [committed, parked] = [await readCommitted(admin, group), await parking.count(group)]
  // Read after what is committed, so that a lag of none is never claimed too early.
  const ends = await readEnds(admin, [...committed.keys()])
  return [...committed]
    .map(([topic, partitions]) => {
      let records = 0n
      for (const [partition, offset] of partitions) {
        const { low, high } = ends.get(placeOf(topic, partition)) ?? { low: 0n, high: 0n }
        const next = offset < low ? low : offset
        if (high > next) records += high - next
      }
      return { topic, records: Number(records), parked: parked.get(topic) ?? 0 }
    })
    .toSorted((one, other) => (one.topic < other.topic ? -1 : 1))
}

interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** Offsets that are settled but not recorded yet, and their recording: all partitions in one request. */
export class Commits {
  readonly #consumer: Consumer
  #settled = new Map<string, Place>()
  #recorded = 0
  #running: Promise<void> | undefined

  constructor(consumer: Consumer) {
    this.#consumer = consumer
    consumer.on(consumer.events.COMMIT_OFFSETS, () => {
      this.#recorded += 1
    })
  }

  /** `offset` is the next one to be delivered. */
  note(place: Place): void {
    this.#settled.set(placeOf(place.topic, place.partition), place)
  }

  /** Forgets what a new assignment made worthless. */
  clear(): void {
    this.#settled = new Map()
  }

  /** Records everything noted so far; rejects when it could not. Calls share a request. */
  async record(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined)
    if (this.#settled.size === 0) return
    this.#running = this.#record()
    try {
      await this.#running
    } finally {
      this.#running = undefined
    }
  }

  async #record(): Promise<void> {
    const [places, before] = [[...this.#settled], this.#recorded]
    await this.#consumer.commitOffsets(
      places.map(([, { topic, partition, offset }]) => ({ topic, partition, offset: String(offset) })),
    )
    // A consumer that is not running answers without having sent anything.
    if (this.#recorded === before) throw new Error('the offsets were not recorded: the consumer is not in its group')
    for (const [name, place] of places) if (this.#settled.get(name) === place) this.#settled.delete(name)
  }
}
