import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs, { type Kafka } from 'kafkajs'
import { cpuMsNow } from '../measure.ts'

/** A path on Kafka that answers what is sent into it, seen from outside. */
export type Path = {
  readonly kafka: Kafka
  readonly into: string
  readonly outOf: string
  /** Begins the group that reads the answers. */
  readonly groupPrefix: string
  /** Id of the request that a value answers; undefined when it answers none. @throws for an answer that must not be */
  readonly answeredBy: (value: Buffer) => string | undefined
  readonly message: (id: string) => Message
}
export type Message = { readonly key: string; readonly value: string; readonly headers: Record<string, string> }

export type Drained = { readonly count: number; readonly wallMs: number; readonly driverCpuMs: number }

/** Both ends of a path: what sends into it and what waits for its answers. The same for the product and for a yardstick. */
export type Line = {
  /** Sends so many at once; resolves when all are answered. */
  drain(count: number): Promise<Drained>
  /** Sends at a fixed rate; answers the times from the moment at which each was due to its answer, ms. */
  atRate(perSecond: number, seconds: number): Promise<number[]>
  close(): Promise<void>
}

const recordsASend = 200
/** Longer than any round takes; then the bench fails instead of waiting for ever. */
const patienceMs = 300_000

export const openLine = async ({ kafka, into, outOf, groupPrefix, answeredBy, message }: Path): Promise<Line> => {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  const consumer = kafka.consumer({ groupId: `${groupPrefix}${randomUUID()}`, maxWaitTimeInMs: 500 })
  const waiting = new Map<string, () => void>()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: outOf, fromBeginning: false })
  const joined = new Promise((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, resolve)
  })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      try {
        for (const { value } of batch.messages) {
          const id = value === null ? undefined : answeredBy(value)
          if (id === undefined) continue
          waiting.get(id)?.()
          waiting.delete(id)
        }
      } catch (error) {
        failed.reject(error)
      }
    },
  })
  await joined
  const answered = (id: string, then: () => void): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(id, () => {
        then()
        resolve()
      })
    })
  const orFail = async <Value>(work: Promise<Value>): Promise<Value> => {
    const tooLate = setTimeout(
      () => failed.reject(new Error(`${waiting.size} requests into ${into} were never answered`)),
      patienceMs,
    )
    try {
      return await Promise.race([work, failed.promise])
    } finally {
      clearTimeout(tooLate)
    }
  }
  return {
    drain: async (count) => {
      const ids = Array.from({ length: count }, () => randomUUID())
      const messages = ids.map(message)
      const all = ids.map((id) => answered(id, () => undefined))
      const [began, cpu] = [performance.now(), cpuMsNow()]
      for (let at = 0; at < count; at += recordsASend) {
        await producer.send({ topic: into, messages: messages.slice(at, at + recordsASend), acks: -1 })
      }
      await orFail(Promise.all(all))
      return { count, wallMs: performance.now() - began, driverCpuMs: cpuMsNow() - cpu }
    },
    atRate: async (perSecond, seconds) => {
      const taken: number[] = []
      const under: Promise<unknown>[] = []
      const began = performance.now()
      const count = Math.max(1, Math.floor(perSecond * seconds))
      for (let at = 0; at < count; at += 1) {
        const due = began + (at * 1_000) / perSecond
        const early = due - performance.now()
        if (early > 1) await pause(early)
        const id = randomUUID()
        under.push(answered(id, () => taken.push(performance.now() - due)))
        under.push(producer.send({ topic: into, messages: [message(id)], acks: -1 }))
      }
      await orFail(Promise.all(under))
      return taken
    },
    close: async () => {
      await Promise.all([producer.disconnect(), consumer.disconnect()])
    },
  }
}
