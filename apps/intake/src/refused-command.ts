import type { AttemptEvent, EventData, Refusal } from '@countersign/contracts'
import type { Decision, StreamEvents, Transaction } from '@countersign/event-store'
import { attemptsStream } from './open-intent.ts'
import { countAttempts, recordAttempt, roomFor, type RefusedAttempt } from './publish-intent/refused-attempts.ts'

/** What a single command answers: a value or a refusal, and the attempt to count when it was refused. */
export type Answered<Value> = {
  readonly value?: Value
  readonly refusal?: Refusal
  readonly attempt?: RefusedAttempt & { readonly recorded: boolean }
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
  readonly event: AttemptEvent
  readonly room: Room
}

/** Refuses a command: recorded with the intent's attempts, never on its own stream. */
export const refuseCommand = <Value>({
  tenantId,
  intentId,
  source,
  refusal,
  event,
  room,
}: RefusedAt): Decision<Answered<Value>> => {
  const attempt: RefusedAttempt = {
    tenantId,
    source,
    streamId: attemptsStream(tenantId, intentId).streamId,
    code: refusal.code,
    event,
  }
  const append: StreamEvents[] = recordAttempt(attempt, room)
  return { append, answer: { refusal, attempt: { ...attempt, recorded: append.length > 0 } } }
}

/** Counts the attempt of a refused command; call it in `effects`. */
export const countRefused = (tx: Transaction, answers: readonly Answered<unknown>[]): Promise<void> =>
  countAttempts(
    tx,
    answers.flatMap(({ attempt }) => attempt ?? []),
  )

/** Event of a refused collect or redeem. */
export const grantRefused = (
  refusal: Refusal,
  { intentId, grantId, step, by }: Pick<EventData<'GrantRefused'>, 'intentId' | 'grantId' | 'step' | 'by'>,
): AttemptEvent => ({
  type: 'GrantRefused',
  data: {
    intentId,
    grantId,
    step,
    code: refusal.code,
    ...(refusal.pointer === undefined ? {} : { pointer: refusal.pointer }),
    by,
    count: 1,
  },
})

/** Event of any other refused command. */
export const commandRefused = (
  refusal: Refusal,
  { intentId, command, by }: { intentId: string; command: string; by: string | null },
): AttemptEvent => ({
  type: 'CommandRefused',
  data: { intentId, command, code: refusal.code, by, count: 1 },
})
