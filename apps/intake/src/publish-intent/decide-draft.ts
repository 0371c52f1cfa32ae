import { isRefusal, refuse, type EventData, type Refusal } from '@countersign/contracts'
import {
  idempotencyKeyName,
  type Decision,
  type KeyedRequest,
  type Loaded,
  type Subject,
} from '@countersign/event-store'
import { decide, foldIntent } from '@countersign/intent'
import {
  attemptsOfDay,
  recordAttempt,
  recordedPointer,
  type RefusedAttempt,
} from '../record-refusal/refused-attempts.ts'
import { type FormerAnswer, onTheBus, recordName } from '../record-refusal/taken-record.ts'
import { publishedEvent, type Draft } from './published-event.ts'
import { memberKey, type RegisteredAgent } from './registered-agent.ts'

/** What the registers say of a whole batch. */
export type PublishContext = {
  readonly agents: ReadonlyMap<string, RegisteredAgent>
  /** Registered agents among the members of the chains, by `memberKey`. */
  readonly parents: ReadonlyMap<string, string>
  readonly keys: ReadonlyMap<string, KeyedRequest>
  readonly subjects: ReadonlyMap<string, Subject>
  readonly room: Map<string, number>
  /** Records that were refused before, by name. */
  readonly refusedBefore: ReadonlyMap<string, FormerAnswer>
}

/** What became of one draft. `existing` is the intent that its key already stands for. */
export type DraftAnswer = {
  readonly event?: EventData<'ActionIntentPublished'>
  readonly existing?: string
  readonly refusal?: Refusal
  /** Absent where the same record was refused before: its refusal stands, and is not recorded again. */
  readonly attempt?: RefusedAttempt & { readonly recorded: boolean }
  readonly subjects: readonly Subject[]
  readonly now: string
}

export const agentKey = (tenantId: string, name: string): string => `${tenantId}/${name}`

/** Agents that a request passed through, as its token proves. */
export const parentAgentsOf = ({ caller }: Draft, parents: ReadonlyMap<string, string>): string[] => [
  ...new Set(caller.chain.flatMap((member) => parents.get(memberKey({ tenantId: caller.tenantId, ...member })) ?? [])),
]

/** A recorded time may be ahead of the database's clock by as much as clocks differ. */
const clockToleranceMs = 60_000

/** People behind one agent that an intent names; all of them are kept from approving it, so none may be left out. */
const mostOwners = 256

/** Bytes of data that the store takes for one event. */
const largestEvent = 16_384

type Decisive = { readonly loaded: Loaded; readonly context: PublishContext; readonly deadlineMs: number }

/** Decides one draft: its key, its agent, its owners, then the core. Whatever is refused is recorded by the same append. */
export const decideDraft = (draft: Draft, { loaded, context, deadlineMs }: Decisive): Decision<DraftAnswer> => {
  const { caller, idempotencyKey, fingerprint, record } = draft
  const refused = (refusal: Refusal) => {
    const attempt: RefusedAttempt = {
      tenantId: caller.tenantId,
      source: caller.clientId,
      streamId: attemptsOfDay(caller.tenantId, caller.producer, loaded.now),
      code: refusal.code,
      event: {
        type: 'ActionIntentRefused',
        data: {
          producer: caller.producer,
          code: refusal.code,
          ...recordedPointer(refusal.pointer),
          ...onTheBus(record),
          count: 1,
        },
      },
      ...(record === undefined ? {} : { producer: caller.producer }),
    }
    const append = recordAttempt(attempt, context.room)
    return {
      append,
      answer: { refusal, attempt: { ...attempt, recorded: append.length > 0 }, subjects: [], now: loaded.now },
    }
  }
  const former = record === undefined ? undefined : context.refusedBefore.get(recordName(record))
  if (former !== undefined) return { append: [], answer: { refusal: former.refusal, subjects: [], now: loaded.now } }
  const before = context.keys.get(
    idempotencyKeyName({ tenantId: caller.tenantId, producer: caller.producer, key: idempotencyKey }),
  )
  if (before !== undefined) {
    return before.fingerprint === fingerprint
      ? { append: [], answer: { existing: before.intentId, subjects: [], now: loaded.now } }
      : refused(refuse('id_conflict'))
  }
  const agent = context.agents.get(agentKey(caller.tenantId, draft.body.agent.name))
  if (
    agent === undefined ||
    agent.producer !== caller.producer ||
    (caller.agent !== undefined && caller.agent !== agent.name)
  ) {
    return refused(refuse('agent_not_yours', { pointer: '/agent/name' }))
  }
  const { occurredAt } = draft.body
  if (occurredAt !== undefined && Date.parse(occurredAt) > Date.parse(loaded.now) + clockToleranceMs) {
    return refused(refuse('time_invalid', { pointer: '/occurredAt' }))
  }
  const parentAgents = parentAgentsOf(draft, context.parents)
  const owners = [
    ...new Set([
      ...agent.owners,
      ...parentAgents.flatMap((name) => context.agents.get(agentKey(caller.tenantId, name))?.owners ?? []),
    ]),
  ]
  if (owners.length > mostOwners) return refused(refuse('too_many_owners', { pointer: '/agent/name' }))
  const { event, subjects } = publishedEvent(
    draft,
    { ...agent, owners },
    {
      parentAgents,
      now: loaded.now,
      subjects: context.subjects,
      deadlineMs,
    },
  )
  // Each field fits its bound, and many owners with long names may still be too much together.
  if (Buffer.byteLength(JSON.stringify(event)) > largestEvent) return refused(refuse('body_too_large'))
  const [stream] = draft.streams
  if (stream === undefined) throw new Error('an intent has a stream')
  const outcome = decide(
    { type: 'PublishIntent', now: loaded.now, intent: event },
    foldIntent(loaded.of(stream).events),
  )
  if (isRefusal(outcome)) return refused(outcome)
  return {
    append: [
      {
        stream,
        events: outcome,
        metadata: {
          producer: caller.producer,
          ...(draft.traceparent === undefined ? {} : { traceparent: draft.traceparent }),
        },
      },
    ],
    answer: { event, subjects, now: loaded.now },
  }
}
