import { isRefusal, type IntentEvent, type Refusal } from '@countersign/contracts'
import { resolveSubjects, type EventStore, type Transaction } from '@countersign/event-store'
import { decide, foldIntent, type IntentCommand, type IntentStream } from '@countersign/intent'
import type { Caller } from './caller.ts'
import { intentStream } from './open-intent.ts'
import { commandRefused, countRefused, refuseCommand, roomOf, type Answered, type Room } from './refused-command.ts'

export type IntentDecision = {
  readonly store: EventStore
  readonly tenantId: string
  readonly intentId: string
  readonly caller: Caller
  /** Name of the command in CommandRefused. */
  readonly command: string
  /** The command for the core, once the caller's subject id and the state are known; a refusal when they may not. */
  readonly make: (facts: {
    readonly now: string
    readonly by: string
    readonly state: IntentStream
  }) => IntentCommand | Refusal
  /** Rows that belong to the events. */
  readonly effects?: (tx: Transaction, events: readonly IntentEvent[]) => Promise<void>
}

type Context = { readonly by: string; readonly room: Room }

const sourceOf = (caller: Caller): string => (caller.kind === 'client' ? caller.clientId : caller.subjectId)

/**
 * Decides one command on one intent for a caller: their subject id is resolved, the core decides, a refusal is recorded with
 * the intent's attempts. Answers the refusal, or undefined when it is done.
 */
export const decideIntent = async ({
  store,
  tenantId,
  intentId,
  caller,
  command,
  make,
  effects,
}: IntentDecision): Promise<Refusal | undefined> => {
  const ref = intentStream(tenantId, intentId)
  const { answer } = await store.execute(
    { streams: [ref] },
    {
      read: async (tx): Promise<Context> => {
        const room = await roomOf(tx, tenantId, sourceOf(caller))
        if (caller.kind === 'person') return { by: caller.subjectId, room }
        const [subject] = await resolveSubjects(tx, [{ tenantId, iss: caller.issuer, sub: caller.subject }])
        if (subject === undefined) throw new Error('the registers did not answer')
        return { by: subject.subjectId, room }
      },
      decide: (_command, loaded, { by, room }) => {
        const state = foldIntent(loaded.of(ref).events)
        const made = make({ now: loaded.now, by, state })
        const outcome = isRefusal(made) ? made : decide(made, state)
        if (isRefusal(outcome)) {
          const event = commandRefused(outcome, { intentId, command, by })
          // An intent that does not exist has no attempts either.
          if (state.status === 'unborn')
            return { append: [], answer: { refusal: outcome } satisfies Answered<never> as Answered<undefined> }
          return refuseCommand<undefined>({
            tenantId,
            intentId,
            source: sourceOf(caller),
            refusal: outcome,
            event,
            room,
          })
        }
        return { append: [{ stream: ref, events: outcome }], answer: {} }
      },
      effects: async (tx, [decided]) => {
        if (decided === undefined) return
        await countRefused(tx, [decided.answer])
        if (decided.answer.refusal === undefined)
          await effects?.(tx, decided.events as unknown as readonly IntentEvent[])
      },
    },
  )
  return answer.refusal
}
