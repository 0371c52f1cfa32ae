import { resolveSubjects, writeSubjects, type EventStore, type Subject } from '@countersign/event-store'
import type { Caller } from '../caller.ts'
import { publishCommand } from './command-of.ts'
import {
  attemptsOfDay,
  countAttempts,
  ofPeople,
  recordAttempt,
  recordedPointer,
  roomFor,
  type RefusalEvent,
  type RefusedAttempt,
} from './refused-attempts.ts'
import { commandRefused, type Room } from './refused-command.ts'
import { onTheBus, type TakenRecord } from './taken-record.ts'

/** A request that was refused without an intent to record it with. */
export type RefusedRequest = {
  /** Name of the command that was asked for, snake_case. */
  readonly command: string
  readonly code: string
  readonly pointer?: string | undefined
  /** How many requests it stands for; one where absent. */
  readonly count?: number
  /** The record that asked, where it came on the bus. */
  readonly record?: Pick<TakenRecord, 'requestId' | 'digest'>
}

type Context = { readonly room: Room; readonly subject: Subject | undefined }
type Answer = {
  readonly attempt: RefusedAttempt & { readonly recorded: boolean }
  readonly subject: Subject | undefined
}

const sourceOf = (caller: Caller): string => (caller.kind === 'client' ? caller.clientId : caller.subjectId)

/** The event that tells the refusal of a request. */
export const refusalEvent = (
  caller: Caller,
  { command, code, pointer, count = 1, record }: RefusedRequest,
  subject: Subject | undefined,
): RefusalEvent => {
  if (command === publishCommand && caller.kind === 'client') {
    const { producer } = caller
    return {
      type: 'ActionIntentRefused',
      data: { producer, code, ...recordedPointer(pointer), ...onTheBus(record), count },
    }
  }
  const by = caller.kind === 'person' ? caller.subjectId : subject?.subjectId
  if (by === undefined) throw new Error('the registers did not answer')
  return commandRefused(code, { command, by, subject, count, record })
}

/**
 * Records requests that were refused before there was an intent, or for one that does not exist: code and field, never
 * content, with the attempts of the day of the caller's producer or of the tenant's people.
 */
export class RecordRefusal {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(caller: Caller, refused: RefusedRequest): Promise<void> {
    const { tenantId } = caller
    const source = sourceOf(caller)
    await this.#store.execute(
      { streams: [], tenantIds: [tenantId] },
      {
        read: async (tx): Promise<Context> => {
          const room = await roomFor(tx, [{ tenantId, source }])
          if (caller.kind === 'person') return { room, subject: undefined }
          const [subject] = await resolveSubjects(tx, [{ tenantId, iss: caller.issuer, sub: caller.subject }])
          return { room, subject }
        },
        decide: (_command, { now }, { room, subject }) => {
          const event = refusalEvent(caller, refused, subject)
          const streamId = attemptsOfDay(tenantId, caller.kind === 'client' ? caller.producer : ofPeople, now)
          const isRecord = caller.kind === 'client' && refused.record !== undefined
          const attempt: RefusedAttempt = {
            tenantId,
            source,
            streamId,
            code: refused.code,
            event,
            ...(isRecord ? { producer: caller.producer } : {}),
          }
          const append = recordAttempt(attempt, room)
          const isNamed = append.length > 0 && event.type === 'CommandRefused'
          const answer: Answer = {
            attempt: { ...attempt, recorded: append.length > 0 },
            subject: isNamed ? subject : undefined,
          }
          return { append, answer }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          const { attempt, subject } = decided.answer
          if (subject !== undefined) await writeSubjects(tx, [subject])
          await countAttempts(tx, [attempt])
        },
      },
    )
  }
}
