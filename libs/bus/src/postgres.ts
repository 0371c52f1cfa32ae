import type { Pool } from 'pg'
import {
  type Bus,
  type BusHooks,
  busLimits,
  type OutboundRecord,
  type SubscribeOptions,
  type Subscription,
} from './bus.ts'
import { checkRecord, sizeOfRecord } from './check-record.ts'
import { NaturalBatch } from './natural-batch.ts'
import { TopicBells } from './postgres/bell.ts'
import { LeaseKeeper } from './postgres/lease-keeper.ts'
import { insertRecords, pruneLog } from './postgres/log.ts'
import { listParked, requestRedrive } from './postgres/parked.ts'
import { beginAt, readLag } from './postgres/progress.ts'
import { type ConsumerEnvironment, TopicConsumer } from './postgres/topic-consumer.ts'

export interface PostgresBusOptions extends BusHooks {
  /**
   * Connections of a role that `migrateBus` granted to, best a pool of the bus's own with at least three: one listens
   * while there are subscriptions, and a lease is lost when handlers take all the others. Not ended by `close`.
   */
  readonly pool: Pool
  /** Where the bus says at start what it is. */
  readonly log: (line: string) => void
  /** How long a consumer that died keeps its group from the next one, by the database's clock. Default 5,000. */
  readonly leaseMs?: number
  /** How long a missed notification can delay a record. Default 1,000. */
  readonly pollMs?: number
  /** Pause after the nth outage in a row, from 1. Default: 100 ms, doubling, at most 5 s. */
  readonly backoffMs?: (attempt: number) => number
}

/** The postgres driver. */
export interface PostgresBus extends Bus {
  /**
   * Deletes records that are older and that every group with progress on their topic has passed; resolves with the
   * number. Needs an operator's role.
   */
  prune(olderThan: Date): Promise<number>
}

/**
 * The bus on one PostgreSQL: a log table, and consumers that are cursors over it. One consumer per group and topic is
 * active, any other stands by for its lease, so more processes share no work: it is for one process only.
 */
export const createPostgresBus = (options: PostgresBusOptions): PostgresBus => {
  options.log('bus driver postgres: for one process only, consumers of a group do not share work; use kafka for more')
  return new LogTableBus(options)
}

class LogTableBus implements PostgresBus {
  readonly #pool: Pool
  readonly #outbox: NaturalBatch<OutboundRecord>
  readonly #environment: ConsumerEnvironment
  readonly #subscriptions = new Set<Subscription>()
  #closing: Promise<void> | undefined

  constructor(options: PostgresBusOptions) {
    const { pool, leaseMs = 5_000, pollMs = 1_000, backoffMs = defaultBackoffMs } = options
    const bells = new TopicBells(pool)
    this.#pool = pool
    this.#outbox = new NaturalBatch({
      send: async (records) => {
        await insertRecords(pool, records)
        bells.announce(records.map(({ topic }) => topic))
        options.observe?.({ kind: 'published', records: records.length })
      },
      sizeOf: sizeOfRecord,
      maxItems: busLimits.batchRecords,
      maxBytes: busLimits.sendBytes,
    })
    this.#environment = {
      pool,
      bells,
      leases: new LeaseKeeper(pool, leaseMs),
      hooks: options,
      leaseMs,
      pollMs,
      backoffMs,
      publish: (records) => this.#outbox.add(records),
    }
  }

  async publish(records: readonly OutboundRecord[]): Promise<void> {
    if (this.#closing !== undefined) throw new Error('the bus is closed')
    for (const record of records) checkRecord(record)
    await this.#outbox.add(records)
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.#closing !== undefined) throw new Error('the bus is closed')
    const { group, from = 'earliest', maxBatch = busLimits.batchRecords, signal } = options
    if (!Number.isInteger(maxBatch) || maxBatch < 1 || maxBatch > busLimits.batchRecords) {
      throw new TypeError(`maxBatch is 1 to ${busLimits.batchRecords}`)
    }
    const topics = [...new Set(options.topics)]
    for (const topic of topics) await beginAt(this.#pool, { group, topic }, from)
    if (this.#closing !== undefined) throw new Error('the bus is closed')
    if (signal?.aborted === true) throw new Error('the subscription has stopped')
    const consumers = new Map(topics.map((topic) => [topic, new TopicConsumer(this.#environment, options, topic)]))
    const subscription: Subscription = {
      pause: () => consumers.forEach((consumer) => consumer.pause()),
      resume: () => consumers.forEach((consumer) => consumer.resume()),
      seek: async (topic, target) => {
        const consumer = consumers.get(topic)
        if (consumer === undefined) throw new TypeError('the subscription does not have this topic')
        await consumer.seek(target)
      },
      lag: async () => (await this.lag(group)).filter(({ topic }) => consumers.has(topic)),
      stop: async () => {
        await Promise.all([...consumers.values()].map((consumer) => consumer.stop()))
        this.#subscriptions.delete(subscription)
      },
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  lag(group: string) {
    return readLag(this.#pool, group)
  }

  parked(group: string) {
    return listParked(this.#pool, group)
  }

  async redrive(group: string, topic: string, key: string | null): Promise<number> {
    const records = await requestRedrive(this.#pool, { group, topic }, key)
    if (records > 0) this.#environment.bells.announce([topic])
    return records
  }

  prune(olderThan: Date): Promise<number> {
    return pruneLog(this.#pool, olderThan)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()))
    await this.#outbox.idle()
    await this.#environment.leases.close()
    await this.#environment.bells.close()
  }
}

const defaultBackoffMs = (attempt: number): number => Math.min(5_000, 100 * 2 ** Math.min(attempt - 1, 10))
