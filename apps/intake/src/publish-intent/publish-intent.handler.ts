import { randomBytes } from 'node:crypto'
import {
  isRefusal,
  refuse,
  sealedIntentPurpose,
  type EventData,
  type IntentView,
  type JsonObject,
  type PublishIntentBody,
  type Refusal,
  type SealedIntent,
} from '@countersign/contracts'
import {
  findIdempotencyKeys,
  idempotencyKeyName,
  newId,
  reserveIdempotencyKeys,
  resolveSubjects,
  writeSubjects,
  type CommandHandler,
  type EventStore,
  type Keyring,
  type KeyedRequest,
  type Loaded,
  type SealedBatch,
  type Subject,
  type Transaction,
} from '@countersign/event-store'
import { decide, foldIntent } from '@countersign/intent'
import { commitment, parametersCommitment, requestFingerprint } from '@countersign/redaction'
import { namedIn, publishedEvent, subjectKey, type Draft, type PublishRequest } from './published-event.ts'
import { intentView } from '../read-intent/intent-view.ts'
import { readAgents, type RegisteredAgent } from './registered-agent.ts'
import { attemptsOfDay, countAttempts, recordAttempt, roomFor, type RefusedAttempt } from './refused-attempts.ts'

/** An intent as it stands, and whether this request made it. */
export type Published = { readonly view: IntentView; readonly isNew: boolean }

type Context = {
  readonly agents: ReadonlyMap<string, RegisteredAgent>
  readonly keys: ReadonlyMap<string, KeyedRequest>
  readonly subjects: ReadonlyMap<string, Subject>
  readonly room: Map<string, number>
}

type Answer = {
  readonly event?: EventData<'ActionIntentPublished'>
  readonly existing?: string
  readonly refusal?: Refusal
  readonly attempt?: RefusedAttempt & { readonly recorded: boolean }
  readonly subjects: readonly Subject[]
  readonly now: string
}

export type PublishIntentOptions = {
  readonly store: EventStore
  readonly keyring: Keyring
  readonly deadlineMs: number
}

const salt = (): string => randomBytes(32).toString('base64url')
const agentKey = (tenantId: string, name: string): string => `${tenantId}/${name}`

const sealedContent = (body: PublishIntentBody): SealedIntent => ({
  salt: salt(),
  parameters: body.parameters,
  preconditions: body.preconditions ?? null,
  ...(body.rationale === undefined ? {} : { rationale: { salt: salt(), text: body.rationale } }),
  ...(body.logs === undefined ? {} : { logs: { salt: salt(), lines: body.logs } }),
})

/**
 * Publishes intents, many in one transaction: idempotency keys, registers and subjects are read for the whole batch, one
 * append stores the events, the sealed payloads and reservations follow in the same transaction. A request whose key was
 * used before gets the same intent, or `id_conflict` when its content differs. Every refusal is recorded.
 */
export class PublishIntent {
  readonly #options: PublishIntentOptions

  constructor(options: PublishIntentOptions) {
    this.#options = options
  }

  /** Answers in the order of the requests; a failure of one does not fail the others. */
  async handle(requests: readonly PublishRequest[]): Promise<(Published | Refusal | Error)[]> {
    const { store } = this.#options
    const drafted = await this.#draft(requests)
    const handler = this.#handler(drafted.sealed)
    const outcomes = await store.executeBatch(drafted.drafts, handler)
    const existing = outcomes.flatMap((outcome) =>
      outcome.status === 'decided' && outcome.answer.existing !== undefined
        ? [{ kind: 'intent' as const, streamId: outcome.answer.existing, tenantId: outcome.command.caller.tenantId }]
        : [],
    )
    const known = existing.length === 0 ? undefined : await store.load(existing)
    return outcomes.map((outcome) => {
      if (outcome.status === 'failed') return outcome.error instanceof Error ? outcome.error : new Error('not stored')
      const { answer, command, events } = outcome
      if (answer.refusal !== undefined) return answer.refusal
      const ref = {
        kind: 'intent' as const,
        streamId: answer.existing ?? command.intentId,
        tenantId: command.caller.tenantId,
      }
      const stream = answer.existing === undefined ? { ...ref, version: events.length, events } : known?.of(ref)
      const view = stream === undefined ? undefined : intentView(stream, answer.now)
      return view === undefined
        ? new Error('a stored intent cannot be read')
        : { view, isNew: answer.existing === undefined }
    })
  }

  /** Ids, commitments and ciphertexts are made before the transaction, so that nothing slow happens inside. */
  async #draft(requests: readonly PublishRequest[]): Promise<{ drafts: Draft[]; sealed: SealedBatch }> {
    const { keyring } = this.#options
    const keys = await keyring.fingerprintKeys(requests.map(({ caller }) => caller.tenantId))
    const contents: SealedIntent[] = []
    const drafts = requests.map((request): Draft => {
      const { caller, body } = request
      const content = sealedContent(body)
      contents.push(content)
      const key = keys.get(caller.tenantId)
      if (key === undefined) throw new Error('a tenant has no fingerprint key')
      const intentId = newId()
      const sealedId = newId()
      return {
        ...request,
        intentId,
        sealedId,
        fingerprint: requestFingerprint(key, { producer: caller.producer, clientId: caller.clientId, body }),
        payload: {
          sealedId,
          parametersCommitment: parametersCommitment(content.salt, content.parameters as JsonObject),
          ...(content.rationale === undefined
            ? {}
            : { rationaleCommitment: commitment(content.rationale.salt, content.rationale.text) }),
          ...(content.logs === undefined ? {} : { logsCommitment: commitment(content.logs.salt, content.logs.lines) }),
        },
        streams: [{ kind: 'intent', streamId: intentId, tenantId: caller.tenantId }],
      }
    })
    const sealed = await keyring.sealBatch(
      drafts.map(({ caller, intentId, sealedId }, index) => ({
        tenantId: caller.tenantId,
        streamId: intentId,
        sealedId,
        purpose: sealedIntentPurpose,
        plaintext: Buffer.from(JSON.stringify(contents[index])),
      })),
      { newStreams: drafts.map(({ caller, intentId }) => ({ tenantId: caller.tenantId, streamId: intentId })) },
    )
    return { drafts, sealed }
  }

  #handler(sealed: SealedBatch): CommandHandler<Draft, Context, Answer> {
    const { keyring, deadlineMs } = this.#options
    const only = (ids: ReadonlySet<string>): SealedBatch => ({
      rows: sealed.rows.filter((row) => ids.has(row.streamId)),
      newKeys: sealed.newKeys.filter((key) => ids.has(key.streamId)),
    })
    return {
      read: readContext,
      decide: (draft, loaded, context) => decideDraft(draft, { loaded, context, deadlineMs }),
      effects: async (tx, decided) => {
        const made = decided.filter(({ answer }) => answer.event !== undefined)
        await writeSubjects(
          tx,
          decided.flatMap(({ answer }) => answer.subjects),
        )
        await reserveIdempotencyKeys(
          tx,
          made.map(({ command: { caller, idempotencyKey, fingerprint, intentId } }) => ({
            tenantId: caller.tenantId,
            producer: caller.producer,
            key: idempotencyKey,
            fingerprint,
            intentId,
          })),
        )
        if (made.length > 0) await keyring.writeSealed(tx, only(new Set(made.map(({ command }) => command.intentId))))
        await countAttempts(
          tx,
          decided.flatMap(({ answer }) => answer.attempt ?? []),
        )
      },
    }
  }
}

const readContext = async (tx: Transaction, drafts: readonly Draft[]): Promise<Context> => {
  const keys = await findIdempotencyKeys(
    tx,
    drafts.map(({ caller, idempotencyKey }) => ({
      tenantId: caller.tenantId,
      producer: caller.producer,
      key: idempotencyKey,
    })),
  )
  const agents = await readAgents(
    tx,
    drafts.map(({ caller, body }) => ({ tenantId: caller.tenantId, name: body.agent.name })),
  )
  const named = drafts.flatMap((draft) => namedIn(draft).map((who) => ({ tenantId: draft.caller.tenantId, ...who })))
  const subjects = await resolveSubjects(tx, named)
  const sources = [
    ...new Map(
      drafts.map(({ caller }) => [
        `${caller.tenantId}/${caller.clientId}`,
        { tenantId: caller.tenantId, source: caller.clientId },
      ]),
    ).values(),
  ]
  return {
    keys,
    agents: new Map(agents.map((agent) => [agentKey(agent.tenantId, agent.name), agent])),
    subjects: new Map(subjects.map((subject) => [subjectKey(subject.tenantId, subject.iss, subject.sub), subject])),
    room: await roomFor(tx, sources),
  }
}

type Decisive = { readonly loaded: Loaded; readonly context: Context; readonly deadlineMs: number }

const decideDraft = (draft: Draft, { loaded, context, deadlineMs }: Decisive) => {
  const { caller, idempotencyKey, fingerprint } = draft
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
          ...(refusal.pointer === undefined ? {} : { pointer: refusal.pointer }),
          count: 1,
        },
      },
    }
    const append = recordAttempt(attempt, context.room)
    return {
      append,
      answer: { refusal, attempt: { ...attempt, recorded: append.length > 0 }, subjects: [], now: loaded.now },
    }
  }
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
  const { event, subjects } = publishedEvent(draft, agent, {
    now: loaded.now,
    subjects: context.subjects,
    deadlineMs,
  })
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
