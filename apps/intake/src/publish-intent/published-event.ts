import type { EventData, PublishIntentBody } from '@countersign/contracts'
import type { StreamRef, Subject } from '@countersign/event-store'
import { actionDigest } from '@countersign/redaction'
import { type ClientCaller, executingSubject } from '../caller.ts'
import type { TakenRecord } from '../record-refusal/taken-record.ts'
import type { RegisteredAgent } from './registered-agent.ts'

/** A request to publish, read and checked; nothing of it is stored yet. */
export type PublishRequest = {
  readonly caller: ClientCaller
  readonly body: PublishIntentBody
  readonly idempotencyKey: string
  readonly traceparent?: string
  /** The record that asks, where it came on the bus. */
  readonly record?: TakenRecord
}

/** A request with the ids and commitments that were made for it. */
export type Draft = PublishRequest & {
  readonly intentId: string
  readonly fingerprint: `hmac-sha256:${string}`
  readonly sealedId: string
  readonly payload: EventData<'ActionIntentPublished'>['payload']
  readonly streams: readonly StreamRef[]
}

/** Key of an identity in the map of subjects. */
export const subjectKey = (tenantId: string, iss: string, sub: string): string => JSON.stringify([tenantId, iss, sub])

/** People whom a request is for: whom its token proves first, then whom it merely names. */
const peopleFor = ({ caller, body }: PublishRequest): { iss: string; sub: string }[] => [
  ...(caller.actsFor === undefined ? [] : [{ iss: caller.actsFor.issuer, sub: caller.actsFor.subject }]),
  ...(body.onBehalfOf === undefined ? [] : [{ iss: body.onBehalfOf.issuer, sub: body.onBehalfOf.subject }]),
]

/** Everyone a request names, as the identity provider knows them: its client, its executor, whom it acts for, its chain. */
export const namedIn = (request: PublishRequest): { iss: string; sub: string }[] => [
  { iss: request.caller.issuer, sub: request.caller.subject },
  { iss: request.caller.issuer, sub: request.body.executor?.clientId ?? executingSubject(request.caller) },
  ...peopleFor(request),
  ...request.caller.chain.map(({ issuer, subject }) => ({ iss: issuer, sub: subject })),
]

/** The event of a request: every person and client in it by subject id, everything secret by commitment. */
export const publishedEvent = (
  draft: Draft,
  agent: RegisteredAgent,
  {
    now,
    subjects: known,
    deadlineMs,
    parentAgents,
  }: {
    now: string
    subjects: ReadonlyMap<string, Subject>
    deadlineMs: number
    parentAgents: readonly string[]
  },
) => {
  const { caller, body, intentId, payload } = draft
  const subjectOf = (iss: string, sub: string): Subject => {
    const subject = known.get(subjectKey(caller.tenantId, iss, sub))
    if (subject === undefined) throw new Error('a subject was not resolved')
    return subject
  }
  const clientId = body.executor?.clientId ?? caller.clientId
  const requester = subjectOf(caller.issuer, caller.subject)
  const executor = subjectOf(caller.issuer, body.executor?.clientId ?? executingSubject(caller))
  const people = peopleFor(draft).map(({ iss, sub }) => subjectOf(iss, sub))
  const [person] = people
  const delegation = caller.chain.map(({ issuer, subject }) => subjectOf(issuer, subject))
  const subjects = [
    ...new Map([requester, executor, ...people, ...delegation].map((one) => [one.subjectId, one])).values(),
  ]
  const introduced = subjects
    .filter(({ isNew }) => isNew)
    .map(({ subjectId, commitment: committed }) => ({ subjectId, commitment: committed }))
  const digest = actionDigest({
    bindingVersion: 1,
    tenant: caller.tenantId,
    intentId,
    agent: agent.subjectId,
    onBehalfOf: person?.subjectId ?? null,
    executor: executor.subjectId,
    action: body.action,
    target: body.target,
    environment: body.environment,
    parametersCommitment: payload.parametersCommitment,
    preconditions: body.preconditions ?? null,
  })
  const { model, session } = body.agent
  const event: EventData<'ActionIntentPublished'> = {
    intentId,
    producer: caller.producer,
    agent: {
      subjectId: agent.subjectId,
      name: agent.name,
      kind: agent.kind,
      ...(model === undefined ? {} : { model }),
      ...(session === undefined ? {} : { session }),
    },
    requester: requester.subjectId,
    executor: { subjectId: executor.subjectId, clientId },
    onBehalfOf: person?.subjectId ?? null,
    owners: [...agent.owners],
    delegation: delegation.map(({ subjectId }) => subjectId),
    ...(parentAgents.length === 0 ? {} : { parentAgents: [...parentAgents] }),
    assertedParties: [...new Set(people.map(({ subjectId }) => subjectId))],
    action: body.action,
    target: body.target,
    environment: body.environment,
    ...(body.impact === undefined ? {} : { impact: body.impact }),
    ...(body.promptDigest === undefined ? {} : { promptDigest: body.promptDigest }),
    ...(body.outputDigest === undefined ? {} : { outputDigest: body.outputDigest }),
    payload,
    bindingVersion: 1,
    actionDigest: digest,
    requestFingerprint: draft.fingerprint,
    deadline: body.deadline ?? new Date(Date.parse(now) + deadlineMs).toISOString(),
    ...(body.occurredAt === undefined ? {} : { occurredAt: body.occurredAt }),
    ...(draft.record?.requestId === undefined ? {} : { requestId: draft.record.requestId }),
    ...(introduced.length === 0 ? {} : { subjects: introduced }),
  }
  return { event, subjects }
}
