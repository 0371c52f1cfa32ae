import type { DeliveredRecord, RecordOutcome } from '@countersign/bus'
import { isOutage } from '@countersign/event-store'
import { type Log, withBatchSpan } from '@countersign/service-kit'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'
import { reportCommand } from '../record-refusal/command-of.ts'
import { isRecorded } from '../record-refusal/refused-attempts.ts'
import type { ReportExecution } from '../report-execution/report-execution.handler.ts'
import {
  answeredBefore,
  type Outcomes,
  recordOutcome,
  toRefuse,
  type TakenFrom,
  type TakenOutcome,
} from './outcomes.ts'
import { producerCaller } from './producer-caller.ts'
import { type ExecutionMessage, type ReadRecord, readReportRecord } from './read-record.ts'
import type { RecordToRefuse, RefuseRecords } from './refuse-records.ts'

export type TakeReportsOptions = {
  readonly pool: pg.Pool
  readonly report: ReportExecution
  readonly refuse: RefuseRecords
  readonly log: Log
}

type Readable = Extract<ReadRecord<ExecutionMessage>, { kind: 'message' }>
type Asked = { readonly delivered: DeliveredRecord; readonly read: Readable }

/** Intents whose reports are recorded at the same time; those of one intent follow each other. */
const concurrent = 4

/**
 * Takes the execution reports that a producer wrote to its topic: the same command as over HTTP, asked by the producer's
 * registered client. Reports are never shed. Throws for an outage: then the batch comes again, and nothing counts twice.
 */
export class TakeReports {
  readonly #options: TakeReportsOptions

  constructor(options: TakeReportsOptions) {
    this.#options = options
  }

  async handle(producer: string, group: string, records: readonly DeliveredRecord[]): Promise<RecordOutcome[]> {
    const outcomes = await this.take(await producerCaller(this.#options.pool, producer), { group }, records)
    return records.map((record) => recordOutcome(outcomes.get(record)))
  }

  /** What becomes of records, by record. */
  async take(caller: ClientCaller, from: TakenFrom, records: readonly DeliveredRecord[]): Promise<Outcomes> {
    const all = records.map((delivered) => ({ delivered, read: readReportRecord(delivered) }))
    const outcomes = await answeredBefore(
      this.#options.pool,
      caller,
      all.map(({ delivered, read: { record } }) => ({ delivered, record })),
    )
    const bad: RecordToRefuse[] = []
    const byIntent = new Map<string, Asked[]>()
    for (const { delivered, read } of all) {
      if (outcomes.has(delivered)) continue
      if (read.kind === 'message')
        byIntent.set(read.message.subject, [...(byIntent.get(read.message.subject) ?? []), { delivered, read }])
      else
        bad.push({ delivered, record: read.record, refusal: read.refusal, isQuarantined: read.kind === 'unreadable' })
    }
    const queues = [...byIntent.values()].values()
    const work = async (): Promise<void> => {
      for (const queue of queues) for (const asked of queue) await this.#take(caller, asked, outcomes, bad)
    }
    return withBatchSpan('intake.take-records', { headers: records.map(() => ({})) }, async () => {
      // All of them end before the batch may come again.
      const works = await Promise.allSettled(Array.from({ length: Math.min(concurrent, byIntent.size) }, work))
      for (const one of works) if (one.status === 'rejected') throw one.reason
      await this.#options.refuse.handle(caller, { command: reportCommand, group: from.group }, toRefuse(from, bad))
      for (const one of bad) outcomes.set(one.delivered, refusedOutcome(one))
      return outcomes
    })
  }

  async #take(caller: ClientCaller, asked: Asked, outcomes: Outcomes, bad: RecordToRefuse[]): Promise<void> {
    const { delivered, read } = asked
    const { record, message } = read
    try {
      const refusal = await this.#options.report.handle(caller, message.data, { record, intentId: message.subject })
      if (refusal === undefined) outcomes.set(delivered, { kind: 'taken' })
      else if (isRecorded(refusal)) outcomes.set(delivered, refusedOutcome({ refusal, isQuarantined: false }))
      else bad.push({ delivered, record, refusal, isQuarantined: false })
    } catch (error) {
      if (isOutage(error)) throw error
      // Throws itself when it is the store that is away.
      await this.#options.pool.query('select 1')
      const { topic, position } = delivered
      this.#options.log.error({ err: error, topic, position }, 'a record could not be handled and is quarantined')
      bad.push({ delivered, record, refusal: { code: 'internal_error' }, isQuarantined: true })
    }
  }
}

const refusedOutcome = ({
  refusal,
  isQuarantined,
}: Pick<RecordToRefuse, 'refusal' | 'isQuarantined'>): TakenOutcome => ({
  kind: 'refused',
  refusal,
  isQuarantined,
})
