import { groups, topics } from '@countersign/contracts'

/** Who may do what: a row per principal and resource. Topics are literal unless they end in `*`, groups are prefixes. */
export interface Grant {
  readonly principal: string
  readonly topic?: string
  readonly group?: string
  readonly operation: 'read' | 'write'
}

/** A topic to create. Without partitions the default is taken. */
export interface TopicPlan {
  readonly topic: string
  readonly partitions: number
  readonly settings?: Readonly<Record<string, string>>
}

const producerName = /^[a-z0-9-]{1,40}$/
const services = ['intake', 'policy', 'notifier', 'lineage', 'ledger'] as const
/** Principals outside that read what is published for them. */
export const readerNames = ['siem', 'witness', 'ops'] as const

/** Every principal that gets a name, a password and a certificate; `broker` and `admin` are the broker's own. */
export const principalsOf = (producers: readonly string[]): readonly string[] => [
  ...services,
  'relay',
  ...readerNames,
  ...producers,
]

/** Throws TypeError for a name that could reach another's topics or groups, or is one of ours. */
export const checkProducers = (producers: readonly string[]): void => {
  const reserved: readonly string[] = ['broker', 'admin', ...principalsOf([])]
  for (const name of producers) {
    if (!producerName.test(name)) throw new TypeError('a producer name is 1 to 40 characters of [a-z0-9-]')
    if (reserved.includes(name)) throw new TypeError(`${name} is a name of Countersign's own`)
  }
}

const week = String(7 * 24 * 60 * 60 * 1_000)

/** Of every topic: the time of a record is the broker's. A producer could claim any, and have others' records expire by it. */
const brokersTime = { 'message.timestamp.type': 'LogAppendTime' } as const

/** Of topics that others write: stored unpacked, so that no batch unpacks to more than it may be large. */
const inbound = { ...brokersTime, 'compression.type': 'uncompressed' } as const

/**
 * Partitions of the topics that carry intents and events. Each is a batch of its own for whoever reads it, so on one machine
 * one is best: with four, an intent at light load took twice as long. More are for several instances of a service.
 */
export const defaultPartitions = 1

/** The topics of a deployment with these producers. Settings are given to topics when they are created, not later. */
export const topicsOf = (
  producers: readonly string[],
  partitions: number = defaultPartitions,
): readonly TopicPlan[] => [
  { topic: topics.events, partitions, settings: { ...brokersTime, 'retention.ms': week } },
  { topic: topics.audit, partitions, settings: brokersTime },
  { topic: topics.checkpoints, partitions: 1, settings: brokersTime },
  { topic: topics.quarantine, partitions: 1, settings: brokersTime },
  ...producers.flatMap((name) => [
    { topic: topics.intents(name), partitions, settings: inbound },
    { topic: topics.executions(name), partitions, settings: inbound },
    { topic: topics.decisions(name), partitions, settings: brokersTime },
  ]),
]

/** All that is allowed; everything else is denied. */
export const grantsOf = (producers: readonly string[]): readonly Grant[] => [
  ...producers.flatMap((principal): Grant[] => [
    { principal, topic: topics.intents(principal), operation: 'write' },
    { principal, topic: topics.executions(principal), operation: 'write' },
    { principal, topic: topics.decisions(principal), operation: 'read' },
    { principal, group: `${principal}.`, operation: 'read' },
  ]),
  { principal: 'intake', topic: topics.intents('*'), operation: 'read' },
  { principal: 'intake', topic: topics.executions('*'), operation: 'read' },
  { principal: 'relay', topic: topics.events, operation: 'write' },
  { principal: 'relay', topic: topics.decisions('*'), operation: 'write' },
  ...(['policy', 'notifier', 'lineage', 'ledger'] as const).map(
    (principal): Grant => ({ principal, topic: topics.events, operation: 'read' }),
  ),
  { principal: 'ledger', topic: topics.audit, operation: 'write' },
  { principal: 'ledger', topic: topics.checkpoints, operation: 'write' },
  ...services.map((principal): Grant => ({ principal, group: groups[principal], operation: 'read' })),
  ...services.map((principal): Grant => ({ principal, topic: topics.quarantine, operation: 'write' })),
  { principal: 'siem', topic: topics.audit, operation: 'read' },
  { principal: 'witness', topic: topics.checkpoints, operation: 'read' },
  { principal: 'ops', topic: topics.quarantine, operation: 'read' },
  ...readerNames.map((principal): Grant => ({ principal, group: `${principal}.`, operation: 'read' })),
]
