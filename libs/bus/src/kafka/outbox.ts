import type { Producer } from 'kafkajs'
import { busLimits, type OutboundRecord } from '../bus.ts'
import { sizeOfRecord } from '../check-record.ts'
import { NaturalBatch } from '../natural-batch.ts'
import { explain, isOfType } from './refusal.ts'

export interface OutboxOptions {
  /** A connected producer; asked before every send. */
  readonly producer: () => Promise<Producer>
  /** Rejects when the topic can never be written; asked once per topic. */
  readonly check: (topic: string) => Promise<void>
  /** A topic that passed the check was forbidden: the producer is of no use for the others any more. */
  readonly onForbidden: () => void
  readonly onPublished: (records: number) => void
}

/**
 * Sends records, one send in flight per topic: order on a key is kept without the idempotent producer, which loses
 * acknowledged records in kafkajs 2.2.4. A lost acknowledgement repeats the send. Topics do not share sends, so that a
 * forbidden one fails nobody else's records.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #topics = new Map<string, NaturalBatch<OutboundRecord>>()

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  async add(records: readonly OutboundRecord[]): Promise<void> {
    const byTopic = [...Map.groupBy(records, ({ topic }) => topic)]
    await Promise.all(byTopic.map(([topic, own]) => this.#batchOf(topic).add(own)))
  }

  /** Resolves when nothing is queued or in flight. */
  async idle(): Promise<void> {
    await Promise.all([...this.#topics.values()].map((batch) => batch.idle()))
  }

  #batchOf(topic: string): NaturalBatch<OutboundRecord> {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    let isChecked = false
    const batch = new NaturalBatch<OutboundRecord>({
      send: async (records) => {
        try {
          if (!isChecked) await this.#options.check(topic)
          isChecked = true
          await this.#send(topic, records)
        } catch (error) {
          if (isChecked && isOfType(error, 'TOPIC_AUTHORIZATION_FAILED')) {
            isChecked = false
            this.#options.onForbidden()
          }
          throw explain(error, { topic })
        }
      },
      sizeOf: sizeOfRecord,
      maxItems: busLimits.batchRecords,
      maxBytes: busLimits.sendBytes,
    })
    this.#topics.set(topic, batch)
    return batch
  }

  /** Halves what the topic finds too large together; a single record that is too large rejects. */
  async #send(topic: string, records: readonly OutboundRecord[]): Promise<void> {
    const producer = await this.#options.producer()
    const messages = records.map(({ key, value, headers }) => ({
      key,
      value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      headers: { ...headers },
    }))
    try {
      await producer.send({ topic, messages, acks: -1 })
    } catch (error) {
      if (records.length === 1 || !isOfType(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) throw error
      const half = records.length >> 1
      await this.#send(topic, records.slice(0, half))
      await this.#send(topic, records.slice(half))
      return
    }
    this.#options.onPublished(records.length)
  }
}
