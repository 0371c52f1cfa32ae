import { eventDefinitions } from '../catalogue.ts'
import {
  AuditMessage,
  eventEnvelope,
  ExecutionMessage,
  IntentMessage,
  OutcomeMessage,
  QuarantineNotice,
} from '../cloud-event.schema.ts'
import { wireType } from '../event.ts'
import { topics } from '../topics.ts'
import { plainSchema, type JsonSchema } from './json-schema.ts'

const structured = 'application/cloudevents+json; charset=UTF-8'
const headers = (...names: readonly string[]): JsonSchema => ({
  type: 'object',
  required: ['content-type', ...names],
  properties: Object.fromEntries(['content-type', ...names].map((name) => [name, { type: 'string' }])),
})

const producer = { producer: { description: 'Name of the producer, [a-z0-9-]{1,40}: the topic is the identity' } }
const keyed = (description: string) => ({ bindings: { kafka: { key: { type: 'string', description } } } })

/** Channels by topic. `messages` are names in `components.messages`. */
const channels = {
  intents: {
    address: topics.intents('{producer}'),
    description: 'Written by that producer, read by intake.',
    parameters: producer,
    messages: ['ActionIntent'],
  },
  executions: {
    address: topics.executions('{producer}'),
    description: 'Written by that producer, read by intake.',
    parameters: producer,
    messages: ['ExecutionReport'],
  },
  decisions: {
    address: topics.decisions('{producer}'),
    description: 'Written by relay, read by that producer. Never a token.',
    parameters: producer,
    messages: ['Outcome'],
  },
  events: {
    address: topics.events,
    description: 'Written by relay, read by policy, notifier, ledger and lineage-projector. Kept at most seven days.',
    messages: eventDefinitions.map(({ name }) => name),
  },
  audit: {
    address: topics.audit,
    description:
      'Written by ledger, read by a SIEM. Every entry of every log below its last checkpoint; repeats are possible.',
    messages: ['AuditRow'],
  },
  checkpoints: {
    address: topics.checkpoints,
    description: 'Written by ledger, read by witnesses and archives.',
    messages: ['Checkpoint'],
  },
  quarantine: {
    address: topics.quarantine,
    description: 'Written by every consumer, read by operators.',
    messages: ['Quarantined'],
  },
} as const

type ChannelName = keyof typeof channels

const operations: Readonly<Record<string, { action: 'send' | 'receive'; channel: ChannelName; summary: string }>> = {
  takeIntents: { action: 'receive', channel: 'intents', summary: 'Take action intents from a producer' },
  takeExecutionReports: { action: 'receive', channel: 'executions', summary: 'Take execution reports' },
  tellOutcomes: { action: 'send', channel: 'decisions', summary: 'Tell a producer what became of its intents' },
  publishEvents: { action: 'send', channel: 'events', summary: 'Carry every event that was appended' },
  readEvents: { action: 'receive', channel: 'events', summary: 'Wake up for events; whoever decides reads the store' },
  publishAuditRows: { action: 'send', channel: 'audit', summary: 'Feed a SIEM' },
  publishCheckpoints: { action: 'send', channel: 'checkpoints', summary: 'Publish signed tree heads' },
  announceQuarantined: { action: 'send', channel: 'quarantine', summary: 'Announce a record that was refused' },
}

const eventMessage = (name: string, version: number) => {
  const envelope = plainSchema(eventEnvelope(wireType(name, version), { type: 'object' }))
  return {
    name: wireType(name, version),
    title: name,
    contentType: structured,
    headers: headers('countersign-kid', 'countersign-mac'),
    ...keyed('Intent id, or the id of the register stream'),
    payload: {
      ...envelope,
      properties: {
        ...(envelope['properties'] as JsonSchema),
        data: { $ref: `#/components/schemas/${name}.v${version}` },
      },
    },
  }
}

const otherMessages = {
  ActionIntent: {
    name: 'dev.countersign.ActionIntent.v1',
    contentType: structured,
    headers: headers(),
    ...keyed('Chosen by the producer'),
    payload: plainSchema(IntentMessage),
  },
  ExecutionReport: {
    name: 'dev.countersign.ExecutionReport.v1',
    contentType: structured,
    headers: headers(),
    ...keyed('Intent id'),
    payload: plainSchema(ExecutionMessage),
  },
  Outcome: {
    name: 'dev.countersign.Outcome.v1',
    contentType: structured,
    headers: headers(),
    ...keyed('Intent id; id of the request where a refusal has no intent, none where that is not known either'),
    payload: plainSchema(OutcomeMessage),
  },
  AuditRow: {
    name: 'dev.countersign.AuditRow.v1',
    summary: 'Binary-mode CloudEvent: attributes are headers, the value is an OCSF 1.8 row',
    contentType: 'application/json',
    headers: headers('ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time'),
    ...keyed('Intent id, or the id of the register stream'),
    payload: { ...plainSchema(AuditMessage), description: 'OCSF 1.8.0 (https://schema.ocsf.io/1.8.0), and in it' },
  },
  Checkpoint: {
    name: 'Checkpoint',
    summary: 'Signed tree head (c2sp.org/tlog-checkpoint)',
    contentType: 'text/plain; charset=utf-8',
    ...keyed('Origin of the log'),
    payload: { type: 'string' },
  },
  Quarantined: {
    name: 'Quarantined',
    contentType: 'application/json',
    headers: headers(),
    ...keyed('Key of the refused record'),
    payload: plainSchema(QuarantineNotice),
  },
}

/** AsyncAPI 3.0 description of every topic. */
export const asyncApiDocument = (): JsonSchema => ({
  asyncapi: '3.0.0',
  info: {
    title: 'Countersign on the bus',
    version: '1',
    description:
      'The bus only carries; PostgreSQL is the truth. Delivery is at least once, order holds per key. A record proves ' +
      'nothing about who sent it beyond the topic that it came on.',
    license: { name: 'Apache-2.0' },
  },
  defaultContentType: structured,
  channels: Object.fromEntries(
    Object.entries(channels).map(([name, { messages, ...channel }]) => [
      name,
      {
        ...channel,
        messages: Object.fromEntries(
          messages.map((message) => [message, { $ref: `#/components/messages/${message}` }]),
        ),
      },
    ]),
  ),
  operations: Object.fromEntries(
    Object.entries(operations).map(([name, { action, channel, summary }]) => [
      name,
      {
        action,
        summary,
        channel: { $ref: `#/channels/${channel}` },
        messages: channels[channel].messages.map((message) => ({ $ref: `#/channels/${channel}/messages/${message}` })),
      },
    ]),
  ),
  components: {
    messages: {
      ...Object.fromEntries(eventDefinitions.map(({ name, version }) => [name, eventMessage(name, version)])),
      ...otherMessages,
    },
    schemas: Object.fromEntries(
      eventDefinitions.map(({ name, version, data }) => [`${name}.v${version}`, plainSchema(data)]),
    ),
  },
})
