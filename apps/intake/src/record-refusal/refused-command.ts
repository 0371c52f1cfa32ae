import type { EventData, Refusal } from '@countersign/contracts'
import { attemptsStream, type Decision, type Subject, type Transaction, writeSubjects } from '@countersign/event-store'
import { introductionOf } from '../introduction.ts'
import {
  asRecorded,
  countAttempts,
  recordAttempt,
  recordedPointer,
  roomFor,
  type RefusalEvent,
  type RefusedAttempt,
} from './refused-attempts.ts'
import { onTheBus, rememberRefused, type TakenRecord } from './taken-record.ts'

/** What a single command answers: a value or a refusal, and the attempt to count when it was refused. */
export type Answered<Value> = {
  readonly value?: Value
  readonly refusal?: Refusal
  readonly attempt?: RefusedAttempt & { readonly recorded: boolean }
  /** The record that was refused, where one asked. */
  readonly record?: TakenRecord
  /** Whom the events introduce; stored in their transaction. */
  readonly introduces?: Subject
}

export type Room = Map<string, number>

/** Room for the attempts of one source; part of a handler's `read`. */
export const roomOf = (tx: Transaction, tenantId: string, source: string): Promise<Room> =>
  roomFor(tx, [{ tenantId, source }])

type RefusedAt = {
  readonly tenantId: string
  readonly intentId: string
  readonly source: string
  readonly refusal: Refusal
  readonly event: RefusalEvent
  /** Whom the event names, where it may be the first to do so. */
  readonly subject?: Subject | undefined
  readonly room: Room
  /** The record that asked, and whose it is. */
  readonly asked?: { readonly record: TakenRecord; readonly producer: string } | undefined
}

/** Refuses a command: recorded with the intent's attempts, never on its own stream. */
export const refuseCommand = <Value>({
  tenantId,
  intentId,
  source,
  refusal,
  event,
  subject,
  room,
  asked,
}: RefusedAt): Decision<Answered<Value>> => {
  const attempt: RefusedAttempt = {
    tenantId,
    source,
    streamId: attemptsStream(tenantId, intentId).streamId,
    code: refusal.code,
    event,
    ...(asked === undefined ? {} : { producer: asked.producer }),
  }
  const append = recordAttempt(attempt, room)
  const recorded = append.length > 0
  return {
    append,
    answer: {
      refusal,
      attempt: { ...attempt, recorded },
      ...(asked === undefined ? {} : { record: asked.record }),
      ...(recorded && subject !== undefined ? { introduces: subject } : {}),
    },
  }
}

/** Stores whom the events introduce and counts the attempt of a refused command; call it in `effects`. */
export const settleAnswer = async (
  tx: Transaction,
  { attempt, introduces, record }: Answered<unknown>,
): Promise<void> => {
  if (introduces !== undefined) await writeSubjects(tx, [introduces])
  if (attempt === undefined) return
  await countAttempts(tx, [attempt])
  const { tenantId, code } = attempt
  if (record !== undefined) await rememberRefused(tx, [{ record, tenantId, code, quarantined: false }])
}

/** The refusal that a command answered, once its transaction is committed. */
export const refusalOf = ({ refusal, attempt }: Answered<unknown>): Refusal | undefined =>
  refusal === undefined || attempt === undefined ? refusal : asRecorded(refusal)

type GrantRefusedAt = Pick<EventData<'GrantRefused'>, 'intentId' | 'grantId' | 'step'> & { readonly by: Subject }

/** Event of a refused collect or redeem. */
export const grantRefused = (refusal: Refusal, { intentId, grantId, step, by }: GrantRefusedAt): RefusalEvent => ({
  type: 'GrantRefused',
  data: {
    intentId,
    grantId,
    step,
    code: refusal.code,
    ...recordedPointer(refusal.pointer),
    by: by.subjectId,
    count: 1,
    ...introductionOf([by]),
  },
})

type CommandRefusedAt = {
  readonly intentId?: string
  /** Name of the command, snake_case. */
  readonly command: string
  /** Subject id of whoever asked. */
  readonly by: string
  /** The same as a subject where this event may be the first to use the id. */
  readonly subject: Subject | undefined
  readonly count?: number
  /** The record that asked, where it came on the bus. */
  readonly record?: Pick<TakenRecord, 'requestId' | 'digest'> | undefined
}

/** Event of any other refused command. */
export const commandRefused = (
  code: string,
  { intentId, command, by, subject, count = 1, record }: CommandRefusedAt,
): RefusalEvent => ({
  type: 'CommandRefused',
  data: {
    ...(intentId === undefined ? {} : { intentId }),
    command,
    code,
    by,
    ...onTheBus(record),
    count,
    ...introductionOf([subject]),
  },
})
