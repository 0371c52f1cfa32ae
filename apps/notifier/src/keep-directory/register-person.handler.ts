import {
  type EventData,
  type EventOf,
  isRefusal,
  type PersonKind,
  type RecordedEventOf,
  type Refusal,
  refuse,
} from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  isPersonElsewhere,
  registerStream,
  resolveSubjects,
  type Subject,
  type Transaction,
  withTenants,
  writeSubjects,
} from '@countersign/event-store'
import type pg from 'pg'
import { type Change, isSettled, lastOf } from './change.ts'
import { areLastOperators, operatorsStream } from './last-operators.ts'
import { seatAnew, seatsGivenBy, type SeatsGiven } from './seated-members.ts'

export type RegisterPersonCommand = Change & {
  readonly issuer: string
  readonly subject: string
  readonly displayName: string
  readonly email?: string
  /** Whether the person may act at all. */
  readonly active: boolean
  /** Undefined leaves it as it is; who is new is human. */
  readonly kind?: PersonKind
}

/** `changed` is false when the directory said so already. */
export type RegisteredPerson = { readonly person: string; readonly changed: boolean }

/** Where whoever feeds the directory lists a person. */
export type PersonListing = {
  /** Whether somebody else is listed there: then nobody is registered. */
  isTaken(tx: Transaction): Promise<boolean>
  write(tx: Transaction, person: string): Promise<void>
}

type Answer =
  | 'another_id'
  | 'taken'
  | Refusal
  | (RegisteredPerson & { readonly subject: Subject; readonly isKept: boolean; readonly seats: SeatsGiven })

/**
 * Puts a person into the directory, or changes whether they are active or human at all. In events they are a subject id, introduced with a
 * commitment to who they are; name and address are only in the register's row. Whoever may act again gets their seats anew, as by
 * a change of the group. Seeding never undoes what an operator changed. Who is an active person of another tenant does not
 * become one here: a token says no tenant, so it would be either's to say whose it is. The last human who operates the tenant
 * stays one: nobody could take it back.
 */
export class RegisterPerson {
  readonly #pool: pg.Pool
  readonly #store: EventStore

  constructor(pool: pg.Pool, store: EventStore) {
    this.#pool = pool
    this.#store = store
  }

  /** For whoever operates the deployment, who is not refused. */
  async handle(command: RegisterPersonCommand): Promise<RegisteredPerson> {
    const registered = await this.admit(command)
    if (isRefusal(registered)) throw new Error('the registration of a person was refused')
    return registered
  }

  /** For those of one tenant. */
  async admit(command: RegisterPersonCommand): Promise<RegisteredPerson | Refusal> {
    const registered = await this.#settle(command, undefined)
    if (registered === undefined) throw new Error('nobody is listed, and yet their place was taken')
    return registered
  }

  /**
   * Registers and lists a person in one transaction, so that whom the list does not name was never active; undefined where
   * the place is taken.
   */
  list(command: RegisterPersonCommand, listing: PersonListing): Promise<RegisteredPerson | Refusal | undefined> {
    return this.#settle(command, listing)
  }

  async #settle(
    command: RegisterPersonCommand,
    listing: PersonListing | undefined,
  ): Promise<RegisteredPerson | Refusal | undefined> {
    // The stream is named after the subject id, so that no hash of who somebody is outlives their erasure.
    for (let tries = 1; tries <= 3; tries += 1) {
      const { tenantId, issuer: iss, subject: sub } = command
      const identity = { tenantId, iss, sub }
      const [subject] = await withTenants(this.#pool, [tenantId], (tx) => resolveSubjects(tx, [identity]))
      if (subject === undefined) throw new Error('the subject was not resolved')
      const registered = await this.#register(command, subject, listing)
      if (registered !== 'another_id') return registered === 'taken' ? undefined : registered
    }
    throw new Error('the subject of a person kept changing')
  }

  /** `another_id` when somebody else made another one for the same person meanwhile. */
  async #register(
    command: RegisterPersonCommand,
    subject: Subject,
    listing: PersonListing | undefined,
  ): Promise<RegisteredPerson | Refusal | 'another_id' | 'taken'> {
    const { tenantId, issuer, displayName, email, active, kind, changedBy, seeded, reason, feed } = command
    const ref = registerStream(tenantId, 'person', subject.subjectId)
    const isEnding = endsThem(command)
    const { answer } = await this.#store.execute(
      { streams: isEnding ? [ref, operatorsStream(tenantId)] : [ref] },
      {
        read: async (tx) => {
          const who = { tenantId, iss: issuer, sub: command.subject }
          const [stored] = await resolveSubjects(tx, [who])
          return {
            isElsewhere: active && !seeded && (await isPersonElsewhere(tx, who)),
            isLastOperator: isEnding && (await areLastOperators(tx, tenantId, [subject.subjectId])),
            stored: stored === undefined || stored.isNew ? subject : stored,
            given: seeded ? undefined : await seatsGivenBy(tx, tenantId, changedBy),
            isTaken: (await listing?.isTaken(tx)) === true,
          }
        },
        decide: (_command, loaded, { stored, given, isTaken, isElsewhere, isLastOperator }): Decision<Answer> => {
          if (stored.subjectId !== subject.subjectId) return { append: [], answer: 'another_id' }
          if (isTaken) return { append: [], answer: 'taken' }
          const { events } = loaded.of(ref)
          const isKept = seeded && isSettled(events)
          const before = lastOf(events, 'DirectoryPersonRegistered')
          if (isElsewhere && before?.active !== true) return { append: [], answer: refuse('person_taken') }
          if (isLastOperator) return { append: [], answer: refuse('last_operator') }
          const isOther = before?.active !== active
          const changed = !isKept && (isOther || (kind !== undefined && kindIn(events) !== kind))
          const couldAct = before?.active === true && kindIn(events) === 'human'
          const seats = changed && before !== undefined && !couldAct && active ? given : undefined
          const event: EventOf<'DirectoryPersonRegistered'> = {
            type: 'DirectoryPersonRegistered',
            data: {
              person: stored.subjectId,
              active,
              ...(kind === undefined ? {} : { kind }),
              changedBy,
              seeded,
              ...(feed === undefined ? {} : { feed }),
              ...(reason === undefined ? {} : { reason }),
              ...(stored.isNew ? { subjects: [{ subjectId: stored.subjectId, commitment: stored.commitment }] } : {}),
            },
          }
          return {
            append: changed ? [{ stream: ref, events: [event] }] : [],
            answer: { person: stored.subjectId, changed, subject: stored, isKept, seats },
          }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || typeof decided.answer === 'string') return
          if (isRefusal(decided.answer) || decided.answer.isKept) return
          await writeSubjects(tx, [decided.answer.subject])
          await tx.query(
            `insert into countersign.person (tenant_id, subject_id, display_name, email, active, kind)
             values ($1, $2, $3, $4, $5, coalesce($6, 'human'))
             on conflict (tenant_id, subject_id) do update
               set display_name = excluded.display_name, email = excluded.email, active = excluded.active,
                 kind = coalesce($6, person.kind)`,
            [tenantId, decided.answer.person, displayName, email ?? null, active, kind ?? null],
          )
          const { person, seats } = decided.answer
          if (seats !== undefined) await seatAnew(tx, { tenantId, changedBy, seeded, seats }, { person, reason })
          await listing?.write(tx, person)
        },
      },
    )
    if (typeof answer === 'string' || isRefusal(answer)) return answer
    return { person: answer.person, changed: answer.changed }
  }
}

/** Whether an operator ends what somebody may do. */
const endsThem = ({ active, kind, changedBy, seeded }: RegisterPersonCommand): boolean =>
  !seeded && changedBy !== null && (!active || (kind !== undefined && kind !== 'human'))

/** What the newest event that says it says; SCIM and seeding leave it alone. */
const kindIn = (events: readonly RecordedEventOf[]): PersonKind => {
  const said = events.findLast(({ type, data }) => type === 'DirectoryPersonRegistered' && 'kind' in data)
  return (said?.data as EventData<'DirectoryPersonRegistered'> | undefined)?.kind ?? 'human'
}
