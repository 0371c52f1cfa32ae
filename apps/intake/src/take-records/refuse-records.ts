import type { DeliveredRecord, QuarantineCoordinates } from '@countersign/bus'
import {
  resolveSubjects,
  withTenants,
  writeSubjects,
  type EventStore,
  type Keyring,
  type SealedBatch,
  type Subject,
  type Transaction,
} from '@countersign/event-store'
import type pg from 'pg'
import type { ClientCaller } from '../caller.ts'
import {
  addQuarantined,
  keptOf,
  mostKept,
  quarantineIdOf,
  type Quarantined,
} from '../quarantine-record/quarantined-rows.ts'
import { sealRecords } from '../quarantine-record/seal-records.ts'
import { refusalEvent } from '../record-refusal/record-refusal.handler.ts'
import {
  attemptsOfDay,
  countAttempts,
  recordAttempt,
  roomFor,
  type RefusedAttempt,
} from '../record-refusal/refused-attempts.ts'
import { findRefused, recordName, rememberRefused, type TakenRecord } from '../record-refusal/taken-record.ts'
import type { RecordRefusal } from './read-record.ts'

/** A record that is not taken. In quarantine its bytes are kept for an operator; otherwise its producer has to do better. */
export type RecordToRefuse = {
  readonly delivered: DeliveredRecord
  readonly record: TakenRecord
  readonly refusal: RecordRefusal
  readonly isQuarantined: boolean
}

/** What was asked for, and by which group the records were taken. */
export type RefusedOn = { readonly command: string; readonly group: string }

export type RefuseRecordsOptions = { readonly pool: pg.Pool; readonly store: EventStore; readonly keyring: Keyring }

type Announced = Omit<RecordToRefuse, 'refusal' | 'isQuarantined'> & {
  readonly caller: ClientCaller
  readonly command: string
  readonly coordinates: QuarantineCoordinates
}

type Context = {
  readonly known: ReadonlySet<string>
  readonly room: Map<string, number>
  readonly subject: Subject | undefined
  readonly kept: { readonly records: number; readonly bytes: number }
}
type Answer = {
  readonly fresh: readonly RecordToRefuse[]
  readonly attempts: readonly (RefusedAttempt & { readonly recorded: boolean })[]
  readonly subject: Subject | undefined
  readonly kept: Context['kept']
}

/**
 * Refuses records of a batch in one transaction: an event each while the flood bound leaves room, an exact count of all,
 * the quarantine's rows with their sealed bytes. A record that was refused before changes nothing.
 */
export class RefuseRecords {
  readonly #options: RefuseRecordsOptions
  /** Ids of what was just quarantined: the driver asks for each before it announces it. */
  readonly #recent = new Map<string, string>()

  constructor(options: RefuseRecordsOptions) {
    this.#options = options
  }

  async handle(caller: ClientCaller, on: RefusedOn, refused: readonly RecordToRefuse[]): Promise<void> {
    if (refused.length === 0) return
    const { store, keyring } = this.#options
    const { tenantId, producer } = caller
    let added: readonly Quarantined[] = []
    const inQuarantine = refused.filter(({ isQuarantined }) => isQuarantined)
    const { rows, sealed } = await sealRecords(
      keyring,
      inQuarantine.map(({ delivered, record, refusal }) => ({
        tenantId,
        producer,
        group: on.group,
        reason: refusal.code,
        digest: record.digest,
        delivered,
      })),
    )
    await store.execute(
      { streams: [], tenantIds: [tenantId] },
      {
        read: (tx) => this.#read(tx, caller, refused),
        decide: (_command, { now }, context: Context) => {
          const fresh = refused.filter(({ record }) => !context.known.has(recordName(record)))
          const streamId = attemptsOfDay(tenantId, producer, now)
          const decided = fresh.map(({ record, refusal }) => {
            const event = refusalEvent(caller, { command: on.command, ...refusal, record }, context.subject)
            const attempt = { tenantId, source: caller.clientId, streamId, code: refusal.code, event, producer }
            const append = recordAttempt(attempt, context.room)
            return { append, attempt: { ...attempt, recorded: append.length > 0 } }
          })
          const isNamed = decided.some(({ attempt }) => attempt.recorded && attempt.event.type === 'CommandRefused')
          const answer: Answer = {
            fresh,
            attempts: decided.map(({ attempt }) => attempt),
            subject: isNamed ? context.subject : undefined,
            kept: context.kept,
          }
          return { append: decided.flatMap(({ append }) => append), answer }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          const { fresh, attempts, subject, kept } = decided.answer
          if (subject !== undefined) await writeSubjects(tx, [subject])
          await countAttempts(tx, attempts)
          await rememberRefused(
            tx,
            fresh.map(({ record, refusal: { code }, isQuarantined }) => ({
              record,
              tenantId,
              code,
              quarantined: isQuarantined,
            })),
          )
          const places = new Set(fresh.map(({ record }) => recordName(record)))
          added = withinBounds(
            rows.filter((row) => places.has(recordName(row))),
            kept,
          )
          await addQuarantined(tx, added)
          const sealedOf = sealedFor(sealed, added)
          if (sealedOf.rows.length > 0) await keyring.writeSealed(tx, sealedOf)
        },
      },
    )
    if (this.#recent.size > mostRecent) this.#recent.clear()
    for (const row of added) this.#recent.set(recentName(row), row.quarantineId)
  }

  /** Id under which this process has just quarantined a record, told once; undefined when it does not know. */
  justQuarantined(record: Pick<Quarantined, 'topic' | 'position' | 'hash'>): string | undefined {
    const name = recentName(record)
    const id = this.#recent.get(name)
    this.#recent.delete(name)
    return id
  }

  /**
   * Reference to a record that a driver is about to announce as quarantined. Some never reach a handler because no handler
   * could have them; those are quarantined now.
   */
  async reference({ caller, command, delivered, record, coordinates }: Announced): Promise<string> {
    const { group, reason } = coordinates
    const find = () =>
      withTenants(this.#options.pool, [caller.tenantId], (tx) => quarantineIdOf(tx, { ...record, hash: record.digest }))
    const known = await find()
    if (known !== undefined) return known
    await this.handle(caller, { command, group }, [
      { delivered, record, refusal: { code: reason }, isQuarantined: true },
    ])
    const added = await find()
    if (added === undefined) throw new Error('a record was not quarantined')
    return added
  }

  async #read(tx: Transaction, caller: ClientCaller, refused: readonly RecordToRefuse[]): Promise<Context> {
    const { tenantId, issuer, subject: sub, clientId } = caller
    const known = await findRefused(
      tx,
      refused.map(({ record }) => record),
    )
    const [subject] = await resolveSubjects(tx, [{ tenantId, iss: issuer, sub }])
    const isSealing = refused.some(({ isQuarantined }) => isQuarantined)
    return {
      known: new Set(known.keys()),
      room: await roomFor(tx, [{ tenantId, source: clientId }]),
      subject,
      kept: isSealing ? await keptOf(tx, caller) : { records: 0, bytes: 0 },
    }
  }
}

const mostRecent = 2_000
const recentName = ({ topic, position, hash }: Pick<Quarantined, 'topic' | 'position' | 'hash'>): string =>
  `${topic}/${position}/${hash}`

/** The rows as they are stored: beyond what a producer may have sealed, without their bytes. */
const withinBounds = (rows: readonly Quarantined[], kept: Context['kept']): Quarantined[] => {
  let { records, bytes } = kept
  return rows.map((row) => {
    if (row.sealedId === null) return row
    if (records >= mostKept.records || bytes + row.bytes > mostKept.bytes)
      return { ...row, sealedId: null, sealedHeadId: null }
    records += 1
    bytes += row.bytes
    return row
  })
}

const sealedFor = (sealed: SealedBatch, rows: readonly Quarantined[]): SealedBatch => {
  const ids = new Set(rows.filter(({ sealedId }) => sealedId !== null).map(({ quarantineId }) => quarantineId))
  return {
    rows: sealed.rows.filter(({ streamId }) => ids.has(streamId)),
    newKeys: sealed.newKeys.filter(({ streamId }) => ids.has(streamId)),
  }
}
