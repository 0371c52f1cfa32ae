import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { topics } from '@countersign/contracts'
import kafkajs, { type Kafka } from 'kafkajs'
import { readIntent } from '../../stories.ts'
import type { Acknowledged } from './acknowledged.ts'

export type KafkaLoadOptions = {
  readonly kafka: Kafka
  readonly producer: string
  readonly seen: Acknowledged
  readonly stopping: AbortSignal
}

const everyMs = 60

/** A producer of its own that publishes reads until told to stop; what Kafka acknowledged is remembered. */
export const publishOverKafka = async ({ kafka, producer, seen, stopping }: KafkaLoadOptions): Promise<void> => {
  const client = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await client.connect()
  try {
    while (!stopping.aborted) {
      const id = randomUUID()
      const value = JSON.stringify({
        specversion: '1.0',
        datacontenttype: 'application/json',
        source: `/${producer}`,
        type: 'dev.countersign.ActionIntent.v1',
        id,
        data: { ...readIntent(), executor: { clientId: 'etl-bot' } },
      })
      const headers = { 'content-type': 'application/cloudevents+json' }
      await client.send({ topic: topics.intents(producer), acks: -1, messages: [{ key: id, value, headers }] }).then(
        () => seen.requests.add(id),
        () => undefined,
      )
      await pause(everyMs)
    }
  } finally {
    await client.disconnect()
  }
}
