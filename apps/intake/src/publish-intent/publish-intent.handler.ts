import { sealedIntentPurpose, type IntentView, type JsonObject, type Refusal } from '@countersign/contracts'
import {
  allEnded,
  findIdempotencyKeys,
  maxSealedBytes,
  newId,
  reserveIdempotencyKeys,
  resolveSubjects,
  writeSubjects,
  type CommandHandler,
  type EventStore,
  type Keyring,
  type PayloadToSeal,
  type SealedBatch,
  type Transaction,
} from '@countersign/event-store'
import { commitment, parametersCommitment, requestFingerprint } from '@countersign/redaction'
import { intentView } from '../read-intent/intent-view.ts'
import { findRefused, rememberRefused } from '../record-refusal/taken-record.ts'
import { asRecorded, countAttempts, roomFor } from '../record-refusal/refused-attempts.ts'
import { agentKey, decideDraft, parentAgentsOf, type DraftAnswer, type PublishContext } from './decide-draft.ts'
import { namedIn, subjectKey, type Draft, type PublishRequest } from './published-event.ts'
import { readAgents, readParentAgents } from './registered-agent.ts'
import { sealedBytes, sealedContent } from './sealed-content.ts'

/** An intent as it stands, and whether this request made it. */
export type Published = { readonly view: IntentView; readonly isNew: boolean }

export type PublishIntentOptions = {
  readonly store: EventStore
  readonly keyring: Keyring
  readonly deadlineMs: number
}

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
    const { drafts, sealed } = await this.#draft(requests)
    const good = drafts.filter((draft): draft is Draft => !(draft instanceof Error))
    const outcomes = await store.executeBatch(good, this.#handler(sealed))
    const existing = outcomes.flatMap((outcome) =>
      outcome.status === 'decided' && outcome.answer.existing !== undefined
        ? [{ kind: 'intent' as const, streamId: outcome.answer.existing, tenantId: outcome.command.caller.tenantId }]
        : [],
    )
    const known = existing.length === 0 ? undefined : await store.load(existing)
    const answers = outcomes.map((outcome) => {
      if (outcome.status === 'failed') return outcome.error instanceof Error ? outcome.error : new Error('not stored')
      const { answer, command, events } = outcome
      if (answer.refusal !== undefined) return asRecorded(answer.refusal)
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
    const inOrder = answers.values()
    return drafts.map((draft) =>
      draft instanceof Error ? draft : (inOrder.next().value ?? new Error('a request was not answered')),
    )
  }

  /**
   * Ids, commitments and ciphertexts are made before the transaction, so that nothing slow happens inside. A request for
   * which they cannot be made fails alone.
   */
  async #draft(requests: readonly PublishRequest[]): Promise<{ drafts: (Draft | Error)[]; sealed: SealedBatch }> {
    const { keyring } = this.#options
    const keys = await keyring.fingerprintKeys(requests.map(({ caller }) => caller.tenantId))
    const payloads: PayloadToSeal[] = []
    const drafts = requests.map((request): Draft | Error => {
      try {
        const { draft, payload } = draftOf(request, keys.get(request.caller.tenantId))
        payloads.push(payload)
        return draft
      } catch (error) {
        return error instanceof Error ? error : new Error('a request could not be drafted')
      }
    })
    const sealed = await keyring.sealBatch(payloads, { newStreams: payloads })
    return { drafts, sealed }
  }

  #handler(sealed: SealedBatch): CommandHandler<Draft, PublishContext, DraftAnswer> {
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
        const writes = [
          writeSubjects(
            tx,
            decided.flatMap(({ answer }) => answer.subjects),
          ),
          reserveIdempotencyKeys(
            tx,
            made.map(({ command: { caller, idempotencyKey, fingerprint, intentId } }) => ({
              tenantId: caller.tenantId,
              producer: caller.producer,
              key: idempotencyKey,
              fingerprint,
              intentId,
            })),
          ),
          made.length === 0
            ? undefined
            : keyring.writeSealed(tx, only(new Set(made.map(({ command }) => command.intentId)))),
          countAttempts(
            tx,
            decided.flatMap(({ answer }) => answer.attempt ?? []),
          ),
          rememberRefused(
            tx,
            decided.flatMap(({ command: { record }, answer: { attempt } }) =>
              record === undefined || attempt === undefined
                ? []
                : [{ record, tenantId: attempt.tenantId, code: attempt.code, quarantined: false }],
            ),
          ),
        ]
        await allEnded(writes)
      },
    }
  }
}

const draftOf = (request: PublishRequest, key: Uint8Array | undefined): { draft: Draft; payload: PayloadToSeal } => {
  const { caller, body } = request
  if (key === undefined) throw new Error('a tenant has no fingerprint key')
  const { tenantId } = caller
  const content = sealedContent(body)
  const plaintext = sealedBytes(content)
  if (plaintext.length > maxSealedBytes) throw new RangeError('what an intent seals is too large')
  const intentId = newId()
  const sealedId = newId()
  const draft: Draft = {
    ...request,
    // What a caller writes there is theirs to choose, so the store keeps only what recognises it again.
    idempotencyKey: requestFingerprint(key, { idempotencyKey: request.idempotencyKey }),
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
    streams: [{ kind: 'intent', streamId: intentId, tenantId }],
  }
  return { draft, payload: { tenantId, streamId: intentId, sealedId, purpose: sealedIntentPurpose, plaintext } }
}

const readContext = async (tx: Transaction, drafts: readonly Draft[]): Promise<PublishContext> => {
  const named = drafts.flatMap((draft) => namedIn(draft).map((who) => ({ tenantId: draft.caller.tenantId, ...who })))
  const sources = [
    ...new Map(
      drafts.map(({ caller }) => [
        `${caller.tenantId}/${caller.clientId}`,
        { tenantId: caller.tenantId, source: caller.clientId },
      ]),
    ).values(),
  ]
  const [keys, { parents, agents }, subjects, room, refusedBefore] = await Promise.all([
    findIdempotencyKeys(
      tx,
      drafts.map(({ caller, idempotencyKey }) => ({
        tenantId: caller.tenantId,
        producer: caller.producer,
        key: idempotencyKey,
      })),
    ),
    readNamedAgents(tx, drafts),
    resolveSubjects(tx, named),
    roomFor(tx, sources),
    findRefused(
      tx,
      drafts.flatMap(({ record }) => record ?? []),
    ),
  ])
  return {
    keys,
    parents,
    agents: new Map(agents.map((agent) => [agentKey(agent.tenantId, agent.name), agent])),
    subjects: new Map(subjects.map((subject) => [subjectKey(subject.tenantId, subject.iss, subject.sub), subject])),
    room,
    refusedBefore,
  }
}

/** The agents that drafts name, and those that they were asked through. */
const readNamedAgents = async (tx: Transaction, drafts: readonly Draft[]) => {
  const parents = await readParentAgents(
    tx,
    drafts.flatMap(({ caller }) => caller.chain.map((member) => ({ tenantId: caller.tenantId, ...member }))),
  )
  const agents = await readAgents(
    tx,
    drafts.flatMap((draft) =>
      [draft.body.agent.name, ...parentAgentsOf(draft, parents)].map((name) => ({
        tenantId: draft.caller.tenantId,
        name,
      })),
    ),
  )
  return { parents, agents }
}
