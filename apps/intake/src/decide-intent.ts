import { isRefusal, type IntentEvent, type Refusal } from '@countersign/contracts'
import {
  type Decision,
  type EventStore,
  intentStream,
  resolveSubjects,
  type Subject,
  type Transaction,
} from '@countersign/event-store'
import { decide, foldIntent, type IntentCommand, type IntentStream } from '@countersign/intent'
import { executingSubject, type Caller, type ClientCaller } from './caller.ts'
import { introductionOf } from './introduction.ts'
import {
  commandRefused,
  refusalOf,
  refuseCommand,
  roomOf,
  settleAnswer,
  type Answered,
  type Room,
} from './record-refusal/refused-command.ts'
import { findRefused, type TakenRecord } from './record-refusal/taken-record.ts'

export type IntentDecision = {
  readonly store: EventStore
  readonly tenantId: string
  readonly intentId: string
  readonly caller: Caller
  /** As what a client acts: as whoever its token names, or as the executor that an intent names by its client id. */
  readonly actsAs?: 'requester' | 'executor'
  /** Name of the command in CommandRefused. */
  readonly command: string
  /** The record that asks, where it came on the bus. */
  readonly record?: TakenRecord | undefined
  /** The command for the core, once the caller's subject id and the state are known; a refusal when they may not. */
  readonly make: (facts: {
    readonly now: string
    readonly by: string
    readonly state: IntentStream
  }) => IntentCommand | Refusal
  /** Rows that belong to the events. */
  readonly effects?: (tx: Transaction, events: readonly IntentEvent[]) => Promise<void>
}

/** `subject` is a client's; a person is in the directory and so was introduced before. */
type Context = {
  readonly by: string
  readonly subject: Subject | undefined
  readonly room: Room
  /** What the same record was answered before. */
  readonly before: Refusal | undefined
}
type Answer = Answered<undefined>

const sourceOf = (caller: Caller): string => (caller.kind === 'client' ? caller.clientId : caller.subjectId)

/**
 * The subject of an executor. An intent names its executor by client id, and providers may give a client another subject
 * than its id.
 */
export const executorOf = async (tx: Transaction, caller: ClientCaller): Promise<Subject> => {
  const { tenantId, issuer } = caller
  const [subject] = await resolveSubjects(tx, [{ tenantId, iss: issuer, sub: executingSubject(caller) }])
  if (subject === undefined) throw new Error('the registers did not answer')
  return subject
}

const requesterOf = async (tx: Transaction, { tenantId, issuer, subject: sub }: ClientCaller): Promise<Subject> => {
  const [subject] = await resolveSubjects(tx, [{ tenantId, iss: issuer, sub }])
  if (subject === undefined) throw new Error('the registers did not answer')
  return subject
}

/** The events with the subject introduced by the first that names whoever asked. */
const introducing = (events: readonly IntentEvent[], subject: Subject | undefined): IntentEvent[] =>
  events.map((event) => {
    switch (event.type) {
      case 'IntentWithdrawn':
        return { ...event, data: { ...event.data, ...introductionOf([subject]) } }
      case 'GrantRevoked':
        return { ...event, data: { ...event.data, ...introductionOf([subject]) } }
      case 'ExecutionReconciled':
        return { ...event, data: { ...event.data, ...introductionOf([subject]) } }
      default:
        return event
    }
  })

const hasIntroduction = ({ data }: IntentEvent): boolean => 'subjects' in data && data.subjects !== undefined

/**
 * Decides one command on one intent for a caller: their subject id is resolved, the core decides, a refusal is recorded with
 * the intent's attempts. Answers the refusal, or undefined when it is done.
 */
export const decideIntent = async ({
  store,
  tenantId,
  intentId,
  caller,
  actsAs = 'requester',
  command,
  record,
  make,
  effects,
}: IntentDecision): Promise<Refusal | undefined> => {
  const ref = intentStream(tenantId, intentId)
  const source = sourceOf(caller)
  const asked = record === undefined || caller.kind === 'person' ? undefined : { record, producer: caller.producer }
  const { answer } = await store.execute(
    { streams: [ref] },
    {
      read: async (tx): Promise<Context> => {
        const [room, refused, subject] = await Promise.all([
          roomOf(tx, tenantId, source),
          record === undefined ? undefined : findRefused(tx, [record]),
          caller.kind === 'person'
            ? undefined
            : actsAs === 'executor'
              ? executorOf(tx, caller)
              : requesterOf(tx, caller),
        ])
        const [former] = refused?.values() ?? []
        const by = caller.kind === 'person' ? caller.subjectId : subject?.subjectId
        if (by === undefined) throw new Error('the registers did not answer')
        return { by, subject, room, before: former?.refusal }
      },
      decide: (_command, loaded, { by, subject, room, before }): Decision<Answer> => {
        // Delivered again: its refusal stands, and is neither recorded nor answered twice.
        if (before !== undefined) return { append: [], answer: { refusal: before } }
        const state = foldIntent(loaded.of(ref).events)
        const made = make({ now: loaded.now, by, state })
        const outcome = isRefusal(made) ? made : decide(made, state)
        if (isRefusal(outcome)) {
          // An intent that does not exist has no attempts either; whoever answers the request records it.
          if (state.status === 'unborn') return { append: [], answer: { refusal: outcome } }
          const event = commandRefused(outcome.code, { intentId, command, by, subject, record })
          return refuseCommand<undefined>({ tenantId, intentId, source, refusal: outcome, event, subject, room, asked })
        }
        const events = introducing(outcome, subject)
        const isIntroduced = subject !== undefined && events.some(hasIntroduction)
        return { append: [{ stream: ref, events }], answer: isIntroduced ? { introduces: subject } : {} }
      },
      effects: async (tx, [decided]) => {
        if (decided === undefined) return
        await settleAnswer(tx, decided.answer)
        if (decided.answer.refusal === undefined)
          await effects?.(tx, decided.events as unknown as readonly IntentEvent[])
      },
    },
  )
  return refusalOf(answer)
}
