import type { DeliveredRecord, RecordOutcome } from '@countersign/bus'
import { isRefusal } from '@countersign/contracts'
import { isOutage } from '@countersign/event-store'
import { isTraceparent, type Log, withBatchSpan } from '@countersign/service-kit'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'
import type { Admission } from '../publish-intent/admission.ts'
import type { PublishIntent } from '../publish-intent/publish-intent.handler.ts'
import type { PublishRequest } from '../publish-intent/published-event.ts'
import { publishCommand } from '../record-refusal/command-of.ts'
import type { ShedRequests } from '../record-refusal/shed-requests.ts'
import { producerCaller } from './producer-caller.ts'
import { answeredBefore, type Outcomes, recordOutcome, toRefuse, type TakenFrom } from './outcomes.ts'
import { type IntentMessage, type ReadRecord, readIntentRecord } from './read-record.ts'
import type { RecordToRefuse, RefuseRecords } from './refuse-records.ts'

export type TakeIntentsOptions = {
  readonly pool: pg.Pool
  readonly publish: PublishIntent
  readonly refuse: RefuseRecords
  readonly admission: Admission
  readonly shed: ShedRequests
  readonly log: Log
}

type Asked = { readonly delivered: DeliveredRecord; readonly request: PublishRequest }

const internalError = 'internal_error'

/**
 * Takes the intents that a producer wrote to its topic, a batch in one transaction: read and checked as over HTTP, asked by
 * the producer's registered client. What is refused is recorded and answered by its event; what cannot be read goes into
 * quarantine with its bytes. Throws for an outage: then the batch comes again, and nothing of it counts twice.
 */
export class TakeIntents {
  readonly #options: TakeIntentsOptions

  constructor(options: TakeIntentsOptions) {
    this.#options = options
  }

  async handle(producer: string, group: string, records: readonly DeliveredRecord[]): Promise<RecordOutcome[]> {
    const { pool, admission, shed } = this.#options
    const caller = await producerCaller(pool, producer)
    // Load is shed before anything is read; every record over the quota is counted, and told together.
    const admitted = records.filter(() => admission.admits(caller, performance.now()))
    const outcomes = await this.take(caller, { group }, admitted)
    const count = records.length - admitted.length
    if (count > 0)
      shed.count(caller, { command: publishCommand, code: 'too_many_requests', count, record: { digest: null } })
    return records.map((record) => (outcomes.has(record) ? recordOutcome(outcomes.get(record)) : 'done'))
  }

  /** What becomes of records that are admitted, by record. */
  async take(caller: ClientCaller, from: TakenFrom, records: readonly DeliveredRecord[]): Promise<Outcomes> {
    const all = records.map((delivered) => ({ delivered, read: readIntentRecord(delivered) }))
    const outcomes = await answeredBefore(
      this.#options.pool,
      caller,
      all.map(({ delivered, read: { record } }) => ({ delivered, record })),
    )
    const read = all.filter(({ delivered }) => !outcomes.has(delivered))
    const asked = read.flatMap(({ delivered, read: one }) =>
      one.kind === 'message' ? [{ delivered, request: requestOf(caller, one) }] : [],
    )
    const bad = read.flatMap(({ delivered, read: one }): RecordToRefuse[] =>
      one.kind === 'message'
        ? []
        : [{ delivered, record: one.record, refusal: one.refusal, isQuarantined: one.kind === 'unreadable' }],
    )
    const headers = asked.map(({ request }) => ({ traceparent: request.traceparent }))
    return withBatchSpan('intake.take-records', { headers }, async () => {
      const { firsts, repeats } = withoutRepeats(asked)
      await this.#publish(firsts, outcomes, bad)
      // With one key, one after the other: each finds what the one before it left.
      for (const { asked: again, first } of repeats) {
        const isSame = again.request.record?.digest === first.request.record?.digest
        if (isSame && outcomes.get(first.delivered)?.kind === 'taken') outcomes.set(again.delivered, { kind: 'taken' })
        else await this.#publish([again], outcomes, bad)
      }
      await this.#options.refuse.handle(caller, { command: publishCommand, group: from.group }, toRefuse(from, bad))
      for (const { delivered, refusal, isQuarantined } of bad)
        outcomes.set(delivered, { kind: 'refused', refusal, isQuarantined })
      return outcomes
    })
  }

  async #publish(asked: readonly Asked[], outcomes: Outcomes, bad: RecordToRefuse[]): Promise<void> {
    if (asked.length === 0) return
    const answers = await this.#options.publish.handle(asked.map(({ request }) => request))
    for (const [index, { delivered, request }] of asked.entries()) {
      const answer = answers[index] ?? new Error('a request was not answered')
      if (answer instanceof Error) bad.push(await this.#failed(answer, delivered, request))
      else if (isRefusal(answer)) outcomes.set(delivered, { kind: 'refused', refusal: answer, isQuarantined: false })
      else outcomes.set(delivered, { kind: 'taken' })
    }
  }

  /** A record that fails by itself must not hold up the others for ever: an operator takes it again once that is mended. */
  async #failed(error: Error, delivered: DeliveredRecord, { record }: PublishRequest): Promise<RecordToRefuse> {
    if (isOutage(error) || record === undefined) throw error
    // Throws itself when it is the store that is away.
    await this.#options.pool.query('select 1')
    const { topic, position } = delivered
    this.#options.log.error({ err: error, topic, position }, 'a record could not be handled and is quarantined')
    return { delivered, record, refusal: { code: internalError }, isQuarantined: true }
  }
}

type Readable = Extract<ReadRecord<IntentMessage>, { kind: 'message' }>

/** `id` and `source` of a CloudEvent name it once; a topic has one producer, so together they are the idempotency key. */
const requestOf = (caller: ClientCaller, { record, message }: Readable): PublishRequest => ({
  caller,
  body: message.data,
  idempotencyKey: JSON.stringify([message.source, message.id]),
  record,
  ...(message.traceparent === undefined || !isTraceparent(message.traceparent)
    ? {}
    : { traceparent: message.traceparent }),
})

/** The first request of each key, which may be decided together, and those that repeat one. */
const withoutRepeats = (all: readonly Asked[]): { firsts: Asked[]; repeats: { asked: Asked; first: Asked }[] } => {
  const byKey = new Map<string, Asked>()
  const repeats: { asked: Asked; first: Asked }[] = []
  for (const asked of all) {
    const first = byKey.get(asked.request.idempotencyKey)
    if (first === undefined) byKey.set(asked.request.idempotencyKey, asked)
    else repeats.push({ asked, first })
  }
  return { firsts: [...byKey.values()], repeats }
}
