import { randomUUID } from 'node:crypto'
import { topics } from '@countersign/contracts'
import type { Kafka } from 'kafkajs'
import { Failure } from '../exit-codes.ts'

/** What Countersign told a producer about one of its records: the intent that has an outcome, or the code of a refusal. */
export type Told = { readonly intentId: string } | { readonly refused: string }

/** What a producer has been told so far, by the id of its request. */
export type DecisionsTopic = {
  readonly told: ReadonlyMap<string, Told>
  /** Rejects when the topic cannot be read any more. */
  readonly failed: Promise<never>
  /** Resolves when there may be more, at the latest after so many ms. */
  readonly changed: (withinMs: number) => Promise<void>
  readonly close: () => Promise<void>
}

type Outcome = {
  readonly data: {
    readonly requestId?: string
    readonly intentId?: string
    readonly state: string
    readonly code?: string
  }
}

/**
 * Reads a producer's decisions from the first one that is there: what was answered in an earlier replay counts too. Nothing is
 * committed, so no group is left behind.
 */
export const readDecisions = async (kafka: Kafka, producer: string): Promise<DecisionsTopic> => {
  const topic = topics.decisions(producer)
  const told = new Map<string, Told>()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  let wake: () => void = () => undefined
  const consumer = kafka.consumer({ groupId: `${producer}.replay-${randomUUID()}`, sessionTimeout: 10_000 })
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart) failed.reject(unreadable(topic, error))
  })
  const take = (value: Buffer | null): void => {
    const { requestId, intentId, state, code } = (JSON.parse(String(value)) as Outcome).data
    if (requestId === undefined || told.has(requestId)) return
    if (state === 'refused') told.set(requestId, { refused: code ?? 'refused' })
    else if (intentId !== undefined) told.set(requestId, { intentId })
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) take(value)
        wake()
      },
    })
  } catch (error) {
    await consumer.disconnect()
    throw unreadable(topic, error)
  }
  return {
    told,
    failed: failed.promise,
    changed: (withinMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
    close: () => consumer.disconnect(),
  }
}

const unreadable = (topic: string, error: unknown): Failure =>
  new Failure(`${topic} cannot be read`, {
    why: (error as Error).message,
    next: 'Does npm run kafka know this producer?',
  })
