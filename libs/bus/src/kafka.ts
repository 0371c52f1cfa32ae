import type { Admin, Producer } from 'kafkajs'
import {
  type Bus,
  type BusHooks,
  busLimits,
  type OutboundRecord,
  type SubscribeOptions,
  type Subscription,
} from './bus.ts'
import { checkRecord } from './check-record.ts'
import { type KafkaAccess, makeClient, makeSeverableClient, promptRetry } from './kafka/client.ts'
import type { ConsumerEnvironment } from './kafka/environment.ts'
import type { ConsumerTiming } from './kafka/timing.ts'
import { GroupConsumer } from './kafka/group-consumer.ts'
import { Outbox } from './kafka/outbox.ts'
import type { ParkingLot } from './kafka/parking-lot.ts'
import { partitionByKey } from './kafka/partitioner.ts'
import { readLag } from './kafka/progress.ts'
import { explain, isOfType, KafkaRefusal } from './kafka/refusal.ts'

export interface KafkaBusOptions extends KafkaAccess, BusHooks {
  /** Where parked records wait. */
  readonly parking: ParkingLot
  /**
   * A consumer is dead for good and nothing else will say so: end the process and let its supervisor start another.
   * Never called for an outage, nor while the bus closes.
   */
  readonly onDead: (reason: Error) => void
  readonly timing?: Partial<ConsumerTiming>
}

const defaultTiming: ConsumerTiming = {
  sessionMs: 10_000,
  heartbeatMs: 1_000,
  rebalanceMs: 15_000,
  maxWaitMs: 1_000,
  commitMs: 250,
  pollMs: 3_000,
  silenceMs: 120_000,
  leaveMs: 3_000,
  backoffMs: (attempt) => Math.min(5_000, 100 * 2 ** Math.min(attempt - 1, 10)),
}

/** The bus on Apache Kafka: consumers of a group share the partitions, any number of processes. */
export const createKafkaBus = (options: KafkaBusOptions): Bus => new KafkaBus(options)

class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions
  readonly #environment: ConsumerEnvironment
  readonly #outbox: Outbox
  readonly #consumers = new Set<GroupConsumer>()
  #producer: Promise<Producer> | undefined
  #admin: Promise<Admin> | undefined
  #retired: Promise<Producer | Admin>[] = []
  #closing: Promise<void> | undefined

  constructor(options: KafkaBusOptions) {
    this.#options = options
    this.#outbox = new Outbox({
      producer: () => this.#connectedProducer(),
      check: (topic) => this.#checkTopic(topic),
      onForbidden: () => this.#retire('producer'),
      onPublished: (records) => options.observe?.({ kind: 'published', records }),
    })
    this.#environment = {
      client: (isClosing, onLine) => {
        const log = (line: string): void => {
          onLine()
          options.log(line)
        }
        return makeSeverableClient({ ...options, log }, isClosing)
      },
      admin: () => this.#connectedAdmin(),
      parking: options.parking,
      hooks: options,
      timing: { ...defaultTiming, ...options.timing },
      onDead: options.onDead,
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
    const { group, maxBatch = busLimits.batchRecords, signal } = options
    if (!Number.isInteger(maxBatch) || maxBatch < 1 || maxBatch > busLimits.batchRecords) {
      throw new TypeError(`maxBatch is 1 to ${busLimits.batchRecords}`)
    }
    if (signal?.aborted === true) throw new Error('the subscription has stopped')
    const consumer = new GroupConsumer(this.#environment, options)
    this.#consumers.add(consumer)
    const giveUp = (): void => void consumer.stop()
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      await consumer.start()
    } catch (error) {
      this.#consumers.delete(consumer)
      throw error
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
    return {
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      seek: (topic, target) => consumer.seek(topic, target),
      lag: async () => (await this.lag(group)).filter(({ topic }) => consumer.topics.includes(topic)),
      stop: async () => {
        await consumer.stop()
        this.#consumers.delete(consumer)
      },
    }
  }

  async lag(group: string) {
    try {
      return await readLag(await this.#connectedAdmin(), this.#options.parking, group)
    } catch (error) {
      if (isOfType(error, 'TOPIC_AUTHORIZATION_FAILED')) this.#retire('admin')
      throw explain(error, { group })
    }
  }

  parked(group: string) {
    return this.#options.parking.list(group)
  }

  async redrive(group: string, topic: string, key: string | null): Promise<number> {
    const records = await this.#options.parking.requestRedrive(group, topic, key)
    if (records > 0) for (const consumer of this.#consumers) consumer.redriveSoon()
    return records
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()))
    await this.#outbox.idle()
    this.#retire('producer')
    this.#retire('admin')
    for (const client of await Promise.allSettled(this.#retired)) {
      if (client.status === 'fulfilled') await client.value.disconnect()
    }
  }

  /** Connected on first use; a failed connection is tried again by the next. */
  #connectedProducer(): Promise<Producer> {
    this.#producer ??= connected(
      makeClient(this.#options, () => this.#closing !== undefined).producer({
        // Never idempotent: kafkajs then drops acknowledged records.
        createPartitioner: partitionByKey,
        allowAutoTopicCreation: false,
      }),
    ).catch((error: unknown) => {
      this.#producer = undefined
      throw explain(error, {})
    })
    return this.#producer
  }

  #connectedAdmin(): Promise<Admin> {
    this.#admin ??= connected(
      makeClient(this.#options, () => this.#closing !== undefined).admin({ retry: promptRetry }),
    ).catch((error: unknown) => {
      this.#admin = undefined
      throw explain(error, {})
    })
    return this.#admin
  }

  /**
   * A missing topic would be tried for a minute; an outage is left to the patience of the send. With a client of its
   * own: a kafkajs client that has met a forbidden topic asks for it ever after, and fails for all the others.
   */
  async #checkTopic(topic: string): Promise<void> {
    const admin = makeClient(this.#options, () => true).admin({ retry: promptRetry })
    try {
      await admin.connect()
      await admin.fetchTopicMetadata({ topics: [topic] })
    } catch (error) {
      const explained = explain(error, { topic })
      if (explained instanceof KafkaRefusal) throw explained
    } finally {
      await admin.disconnect()
    }
  }

  /** Leaves a client that has met a forbidden topic to what is in flight; the next use connects another. */
  #retire(client: 'producer' | 'admin'): void {
    const retired = client === 'producer' ? this.#producer : this.#admin
    if (retired !== undefined) this.#retired.push(retired)
    if (client === 'producer') this.#producer = undefined
    else this.#admin = undefined
  }
}

const connected = async <Client extends { connect(): Promise<void> }>(client: Client): Promise<Client> => {
  await client.connect()
  return client
}
