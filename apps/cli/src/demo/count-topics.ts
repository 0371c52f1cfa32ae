import type { Admin } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../exit-codes.ts'
import { table } from '../print/table.ts'
import { count } from '../print/words.ts'
import { kafkaClient, type KafkaCredentials } from '../reach-kafka/kafka-client.ts'

/** Records that each topic has had, by topic. */
export type TopicCounts = ReadonlyMap<string, number>

/** Records that a group has before it, by group; groups that never read are absent. */
export type Lags = ReadonlyMap<string, number>

const lagWithinMs = 15_000

const asAdmin = async <Result>(kafka: KafkaCredentials, ask: (admin: Admin) => Promise<Result>): Promise<Result> => {
  const admin = (await kafkaClient(kafka, 'admin')).admin()
  try {
    await admin.connect()
    return await ask(admin)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`Kafka at ${kafka.brokers.join(', ')} does not answer`, { why: (error as Error).message })
  } finally {
    await admin.disconnect()
  }
}

const isOurs = (name: string): boolean => name.startsWith('countersign.')

const endsOf = async (admin: Admin, topic: string): Promise<number> =>
  (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)

/** The high watermark of every topic of ours, as the brokers have it. */
export const countTopics = (kafka: KafkaCredentials): Promise<TopicCounts> =>
  asAdmin(kafka, async (admin) => {
    const names = (await admin.listTopics()).filter(isOurs).sort()
    return new Map(await Promise.all(names.map(async (name) => [name, await endsOf(admin, name)] as const)))
  })

const lagOf = async (admin: Admin, groupId: string): Promise<number | undefined> => {
  const topics = await admin.fetchOffsets({ groupId })
  const read = topics.filter(({ partitions }) => partitions.some(({ offset }) => Number(offset) >= 0))
  if (read.length === 0) return undefined
  let lag = 0
  for (const { topic, partitions } of read) {
    const next = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      lag += Number(high) - Math.max(Number(low), next.get(partition) ?? 0)
    }
  }
  return lag
}

/** How far behind every group of ours is, once none is. @throws Failure when one still is after a while */
export const settledLags = (kafka: KafkaCredentials, signal: AbortSignal): Promise<Lags> =>
  asAdmin(kafka, async (admin) => {
    const until = performance.now() + lagWithinMs
    for (;;) {
      signal.throwIfAborted()
      const lags = new Map<string, number>()
      const { groups } = await admin.listGroups()
      for (const group of groups
        .map(({ groupId }) => groupId)
        .filter(isOurs)
        .sort()) {
        const lag = await lagOf(admin, group)
        if (lag !== undefined) lags.set(group, lag)
      }
      const behind = [...lags].filter(([, lag]) => lag > 0)
      if (behind.length === 0) return lags
      if (performance.now() >= until) {
        throw new Failure('Kafka has records that nobody took', {
          why: behind.map(([group, lag]) => `${group} is ${count(lag)} behind`).join(', '),
        })
      }
      await delay(100)
    }
  })

/** What the demo put on each topic, and how far each group is behind. */
export const topicLines = (before: TopicCounts, after: TopicCounts, lags: Lags): string[] => {
  const right = { align: 'right' } as const
  const topics = [...after].map(([topic, now]) => {
    const then = before.get(topic) ?? 0
    return [topic, count(then), count(now), `+${count(now - then)}`]
  })
  return [
    ...table(
      [{ title: 'topic' }, { title: 'before', ...right }, { title: 'after', ...right }, { title: 'new', ...right }],
      topics,
    ),
    '',
    ...table(
      [{ title: 'group' }, { title: 'lag', ...right }],
      [...lags].map(([group, lag]) => [group, count(lag)]),
    ),
  ]
}
