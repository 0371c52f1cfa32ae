import { type Countersign, type Http, persist } from '@countersign/client'
import { topics } from '@countersign/contracts'
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs'
import { Failure } from '../exit-codes.ts'
import type { CloudTrailRecord } from '../replay/cloudtrail-record.ts'
import { intentFromCloudTrail } from '../replay/intent-from-cloudtrail.ts'
import type { ReadLine } from '../replay/read-records.ts'
import { type DecisionsTopic, readDecisions } from './decisions-topic.ts'
import { inFlight } from './in-flight.ts'
import { attempts, registrar } from './register-principals.ts'
import { outcomeOf, type ReplayedLine, type ReplayProgress, undecided } from './replayed-line.ts'

export type KafkaReplayOptions = {
  readonly kafka: Kafka
  /** Its topics are the ones written and read. */
  readonly producer: string
  readonly client: Countersign
  readonly call: Http
  readonly signal: AbortSignal
  readonly concurrency: number
  /** How long to wait for the next decision, ms. */
  readonly patienceMs: number
  readonly onProgress: (progress: ReplayProgress) => void
}

type Sent = { readonly line: number; readonly record: CloudTrailRecord; readonly requestId: string }

const recordsASend = 200
const source = '/countersign-cli/replay'

const messageOf = (record: CloudTrailRecord): Message & { readonly key: string } => {
  const { body, idempotencyKey } = intentFromCloudTrail(record)
  const event = {
    specversion: '1.0',
    id: idempotencyKey,
    source,
    type: 'dev.countersign.ActionIntent.v1',
    datacontenttype: 'application/json',
    data: body,
  }
  return {
    key: idempotencyKey,
    value: JSON.stringify(event),
    headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  }
}

/**
 * Publishes a trail on a producer's own Kafka topic as the intents that it would have been, and accounts for every line by
 * what comes back on the producer's decisions topic. What policy said in detail is read over HTTP, as any producer does. A
 * record is published once however often the trail is replayed: its request has the same id every time.
 */
export const publishOnKafka = async (
  lines: AsyncIterable<ReadLine> | Iterable<ReadLine>,
  options: KafkaReplayOptions,
): Promise<ReplayedLine[]> => {
  const decisions = await readDecisions(options.kafka, options.producer)
  try {
    const outcomes: ReplayedLine[] = []
    const sent = await send(lines, options, outcomes)
    await answered(decisions, sent, options)
    return [...outcomes, ...(await judged(decisions, sent, options))]
  } finally {
    await decisions.close()
  }
}

/** Sends every line that can be read, in order, in batches; the others are accounted for at once. */
const send = async (
  lines: AsyncIterable<ReadLine> | Iterable<ReadLine>,
  options: KafkaReplayOptions,
  outcomes: ReplayedLine[],
): Promise<Sent[]> => {
  const { kafka, producer: name, onProgress } = options
  const topic = topics.intents(name)
  const register = registrar(options)
  const sent: Sent[] = []
  let read = 0
  let waiting: Message[] = []
  // Not idempotent: kafkajs then drops records that were acknowledged. A record that comes twice has the same id.
  const producer: Producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  })
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await producer.send({ topic, acks: -1, messages: waiting })
    waiting = []
    onProgress({ read, published: sent.length, decided: outcomes.length })
  }
  try {
    await producer.connect()
    for await (const line of lines) {
      options.signal.throwIfAborted()
      read += 1
      if ('quarantined' in line) {
        outcomes.push({ kind: 'not_read', line: line.line, code: line.quarantined })
        continue
      }
      const { body, principalKind } = intentFromCloudTrail(line.record)
      await register({ name: body.agent.name, kind: principalKind })
      const message = messageOf(line.record)
      waiting.push(message)
      sent.push({ line: line.line, record: line.record, requestId: message.key })
      if (waiting.length >= recordsASend) await flush()
    }
    await flush()
    return sent
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error
    throw new Failure(`${topic} cannot be written`, {
      why: error.message,
      next: `npm run kafka -- --producers ${name} makes the topics of a producer.`,
    })
  } finally {
    await producer.disconnect()
  }
}

/** Waits until every request is answered, or none was for a while. */
const answered = async (
  decisions: DecisionsTopic,
  sent: readonly Sent[],
  { signal, patienceMs, onProgress }: KafkaReplayOptions,
): Promise<void> => {
  const wanted = new Set(sent.map(({ requestId }) => requestId))
  let until = performance.now() + patienceMs
  let before = 0
  for (;;) {
    signal.throwIfAborted()
    const open = [...wanted].filter((id) => !decisions.told.has(id)).length
    if (open === 0 || performance.now() >= until) return
    const now = wanted.size - open
    if (now > before) until = performance.now() + patienceMs
    before = now
    onProgress({ read: sent.length, published: sent.length, decided: now })
    await Promise.race([decisions.changed(500), decisions.failed])
  }
}

/** What became of each line: refusals as they were told, decisions with the rules that made them. */
const judged = async (
  { told }: DecisionsTopic,
  sent: readonly Sent[],
  { client, signal, concurrency }: KafkaReplayOptions,
): Promise<ReplayedLine[]> => {
  const lines: ReplayedLine[] = []
  await inFlight(sent, concurrency, async (item) => {
    const answer = told.get(item.requestId)
    if (answer === undefined) lines.push(undecided(item.line))
    else if ('refused' in answer) lines.push({ kind: 'refused', line: item.line, code: answer.refused })
    else {
      const view = await persist(() => client.read(answer.intentId, 0, signal), { attempts, signal })
      lines.push(outcomeOf(item, view) ?? undecided(item.line, answer.intentId))
    }
  })
  return lines
}
