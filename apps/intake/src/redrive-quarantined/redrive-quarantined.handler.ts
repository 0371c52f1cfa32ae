import type { DeliveredRecord } from '@countersign/bus'
import {
  refuse,
  type EventData,
  type RedriveQuarantineBody,
  type RedrivenQuarantine,
  type Refusal,
} from '@countersign/contracts'
import { prepared, withTenants, type EventStore, type Keyring, type Transaction } from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { findQuarantined, type FoundRecord } from '../quarantine-record/find-quarantined.ts'
import { openSealed, quarantineStream, type OpenedRecord } from '../quarantine-record/open-quarantined.ts'
import { publishCommand } from '../record-refusal/command-of.ts'
import type { TakenOutcome } from '../take-records/outcomes.ts'
import { producerCaller, ProducerUnclear } from '../take-records/producer-caller.ts'
import { writtenTo } from '../take-records/producer-topics.ts'
import type { TakeIntents } from '../take-records/take-intents.ts'
import type { TakeReports } from '../take-records/take-reports.ts'

export type RedriveQuarantinedOptions = {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly keyring: Keyring
  readonly intents: TakeIntents
  readonly reports: TakeReports
}

type Redriven = {
  readonly found: FoundRecord
  readonly result: Pick<EventData<'QuarantineRedriven'>, 'outcome' | 'code'>
}

/** Records that one call takes. */
const pageSize = 100

/** The record as if it came now. Its place is new each time: what was answered at the old one counts no longer. */
const deliveredAgain = ({ view }: FoundRecord, { head, value }: OpenedRecord): DeliveredRecord => ({
  topic: view.topic,
  position: `${view.position}#${view.quarantineId}.${view.redrives + 1}`,
  key: head.key,
  value,
  headers: head.contentType === null ? {} : { 'content-type': head.contentType },
  timestamp: view.publishedAt,
})

const resultOf = (outcome: TakenOutcome | undefined): Redriven['result'] => {
  if (outcome === undefined) throw new Error('a record was not answered')
  if (outcome.kind === 'taken') return { outcome: 'taken' }
  const { refusal, isQuarantined } = outcome
  return { outcome: isQuarantined ? 'quarantined' : 'refused', code: refusal.code }
}

/**
 * Takes quarantined records the same way as records that come now, once whatever kept them out is mended. What can be read
 * is taken or refused and leaves the quarantine; the rest stays. Every record and outcome is an event with who asked.
 */
export class RedriveQuarantined {
  readonly #options: RedriveQuarantinedOptions

  constructor(options: RedriveQuarantinedOptions) {
    this.#options = options
  }

  async handle(caller: PersonCaller, search: RedriveQuarantineBody): Promise<RedrivenQuarantine | Refusal> {
    if (!caller.groups.includes('operators')) return refuse('not_allowed')
    const { pool, keyring } = this.#options
    const { tenantId } = caller
    const found = await withTenants(pool, [tenantId], (tx) =>
      findQuarantined(tx, { ...search, tenantId, isOpen: true, limit: pageSize }),
    )
    const opened = await openSealed(keyring, tenantId, found)
    const redriven: Redriven[] = []
    for (const [topic, records] of Map.groupBy(found, ({ view }) => view.topic))
      redriven.push(...(await this.#take(caller, topic, records, opened)))
    await this.#record(caller, redriven)
    const next = found.length === pageSize ? found.at(-1)?.view.quarantineId : undefined
    return {
      records: redriven.map(({ found: { view }, result }) => ({ quarantineId: view.quarantineId, ...result })),
      ...(next === undefined ? {} : { next }),
    }
  }

  async #take(
    { tenantId }: PersonCaller,
    topic: string,
    records: readonly FoundRecord[],
    opened: ReadonlyMap<string, OpenedRecord>,
  ): Promise<Redriven[]> {
    const { pool, intents, reports } = this.#options
    const { producer, command } = writtenTo(topic)
    const stay = (code: string) =>
      records.map((found): Redriven => ({ found, result: { outcome: 'quarantined', code } }))
    const client = await producerCaller(pool, producer).catch((error: unknown) => {
      if (error instanceof ProducerUnclear) return undefined
      throw error
    })
    // The name may stand for somebody else by now.
    if (client?.tenantId !== tenantId) return stay('producer_unclear')
    const again = new Map(
      records.flatMap((found) => {
        const content = opened.get(found.view.quarantineId)
        return content === undefined ? [] : [[found, deliveredAgain(found, content)] as const]
      }),
    )
    const take = command === publishCommand ? intents : reports
    const outcomes = await take.take(client, { group: records[0]?.view.group ?? '', isRedrive: true }, [
      ...again.values(),
    ])
    return records.map((found) => {
      const delivered = again.get(found)
      const result = delivered && resultOf(outcomes.get(delivered))
      return { found, result: result ?? { outcome: 'quarantined', code: 'not_kept' } }
    })
  }

  async #record({ tenantId, subjectId: by }: PersonCaller, redriven: readonly Redriven[]): Promise<void> {
    const commands = redriven.map(({ found: { view }, result }) => {
      const { quarantineId, topic, position } = view
      return {
        streams: [quarantineStream(tenantId, quarantineId)],
        data: { quarantineId, topic, position, ...result, by },
      }
    })
    const outcomes = await this.#options.store.executeBatch(commands, {
      decide: ({ streams: [stream], data }) => ({
        append: stream === undefined ? [] : [{ stream, events: [{ type: 'QuarantineRedriven' as const, data }] }],
        answer: undefined,
      }),
      effects: (tx, decided) =>
        settleRedriven(
          tx,
          decided.map(({ command: { data } }) => data),
        ),
    })
    for (const outcome of outcomes) if (outcome.status === 'failed') throw outcome.error
  }
}

const settleRedriven = async (
  tx: Transaction,
  redriven: readonly Pick<EventData<'QuarantineRedriven'>, 'quarantineId' | 'outcome'>[],
): Promise<void> => {
  await tx.query(
    prepared(
      `update intake.quarantined q set redrives = q.redrives + 1, redriven_outcome = r.outcome,
       redriven_at = case when r.outcome = 'quarantined' then null else clock_timestamp() end
     from unnest($1::uuid[], $2::text[]) as r(quarantine_id, outcome) where q.quarantine_id = r.quarantine_id`,
      [redriven.map(({ quarantineId }) => quarantineId), redriven.map(({ outcome }) => outcome)],
    ),
  )
}
