import { randomUUID } from 'node:crypto'
import type {
  BatchOutcome,
  Bus,
  BusHooks,
  DeliveredBatch,
  DeliveredRecord,
  OutboundRecord,
  Subscription,
} from './bus.ts'

/** One process's view of the bus under test. */
export interface OpenBus {
  readonly bus: Bus
  /** Dies without a word: from now on nothing of it reaches the bus, and it gives nothing back. */
  kill(): void
}

/** A bus under test, as several processes see it. Short leases and pauses, so that take-over is quick. */
export interface BusBench {
  /** A process of its own. */
  open(hooks?: BusHooks): Promise<OpenBus>
  /** A topic that nobody has used; with kafka of several partitions. */
  makeTopic(): Promise<string>
  /** Ends every process that was opened, the killed ones too. */
  closeOpened(): Promise<void>
  close(): Promise<void>
}

export const newGroup = (): string => `group-${randomUUID()}`

export const text = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString())

/** Records of one topic and key, with the values as text. */
export const recordsOf = (topic: string, key: string | null, values: readonly string[]): OutboundRecord[] =>
  values.map((value) => ({ topic, key, value: Buffer.from(value), headers: {} }))

type Answer = (batch: DeliveredBatch) => BatchOutcome | Promise<BatchOutcome>

/**
 * A handler that keeps what it got. It is idempotent, as all must be: what comes again with the same position counts
 * once, so the contract holds whether or not a driver delivers more than once.
 */
export class Recorder {
  /** Every delivery, repetitions included. */
  readonly batches: DeliveredBatch[] = []
  readonly #answer: Answer
  readonly #waiting = new Set<() => void>()
  #taken = new Map<string, DeliveredRecord>()

  constructor(answer: Answer = () => 'done') {
    this.#answer = answer
  }

  /** In the order of their first delivery. */
  get records(): DeliveredRecord[] {
    return [...this.#taken.values()]
  }

  /** Begins to count anew, before something is delivered again on purpose. */
  forget(): void {
    this.#taken = new Map()
  }

  get values(): (string | null)[] {
    return this.records.map(({ value }) => text(value))
  }

  valuesOf(key: string | null): (string | null)[] {
    return this.records.filter((record) => record.key === key).map(({ value }) => text(value))
  }

  readonly handle = async (batch: DeliveredBatch): Promise<BatchOutcome> => {
    this.batches.push(batch)
    for (const each of batch.records) {
      const place = `${each.topic} ${each.position}`
      if (!this.#taken.has(place)) this.#taken.set(place, each)
    }
    for (const check of this.#waiting) check()
    return this.#answer(batch)
  }

  /** Resolves as soon as what was delivered fits; the test's own time-out ends a wait for what never comes. */
  async until(fits: (recorder: this) => boolean): Promise<void> {
    if (fits(this)) return
    await new Promise<void>((resolve) => {
      const check = () => {
        if (!fits(this)) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  /** Resolves when so many different records were delivered. */
  count(records: number): Promise<void> {
    return this.until((recorder) => recorder.records.length >= records)
  }
}

/** Subscribes a recorder to one topic. */
export const record = async (
  bus: Bus,
  topic: string,
  options: {
    group?: string
    maxBatch?: number
    from?: 'earliest' | 'latest'
    answer?: Answer
    signal?: AbortSignal
  } = {},
): Promise<Recorder & { subscription: Subscription }> => {
  const { group = newGroup(), answer, ...rest } = options
  const recorder = new Recorder(answer)
  const subscription = await bus.subscribe({ group, topics: [topic], handle: recorder.handle, ...rest })
  return Object.assign(recorder, { subscription })
}

/** Waits until the group has nothing left of the topic: progress is recorded after the handler answered. */
export const settled = async (bus: Bus, group: string): Promise<void> => {
  while ((await bus.lag(group)).some(({ records }) => records > 0))
    await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Waits until the group has so many parked records and nothing else left. */
export const parkedBecomes = async (bus: Bus, group: string, records: number): Promise<void> => {
  const isThere = async () => {
    const lag = await bus.lag(group)
    return lag.reduce((sum, { parked }) => sum + parked, 0) === records && lag.every((topic) => topic.records === 0)
  }
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 5))
}
