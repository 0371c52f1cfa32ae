import { randomBytes } from 'node:crypto'
import {
  isRefusal,
  type Refusal,
  refuse,
  type SealedReason,
  sealedReasonPurpose,
  type SealedSignature,
  sealedSignaturePurpose,
  type VerdictSignature,
} from '@countersign/contracts'
import {
  allEnded,
  attemptsStream,
  countRefusals,
  type Decision,
  type EventStore,
  intentStream,
  type Keyring,
  type Loaded,
  newId,
  readStanding,
  refusalsLeft,
  type SealedBatch,
  StaleKey,
  type StoredEvent,
  type Transaction,
} from '@countersign/event-store'
import { withSpan } from '@countersign/service-kit'
import { decide, foldIntent, type IntentStream, isPublished, type Standing } from '@countersign/intent'
import { commitment } from '@countersign/redaction'
import { reviewIn } from '../present-review/follow-reviews.ts'
import { keepReviews } from '../present-review/keep-reviews.ts'
import { asRecorded } from '../record-refusal/recorded-refusals.ts'
import { presentationShown, reasonOf, refusedVerdict, type VerdictAttempt } from './verdict-attempt.ts'

export type RecordVerdictOptions = {
  readonly store: EventStore
  readonly keyring: Keyring
  readonly collectWithinMs: number
  /** Called after a verdict was recorded: cards have to change. */
  readonly onRecorded: () => void
}

/** What became of the intent by a verdict. */
export type RecordedVerdict = { readonly reviewId: string; readonly intentId: string; readonly state: string }

/** What of a verdict is sealed, before it is written: only the commitments are in the event. */
type SealedParts = {
  readonly reason?: { readonly sealedId: string; readonly commitment: string }
  readonly signature?: VerdictSignature
  readonly batch: SealedBatch
}

/** An attempt that is decided: with what was given, or as the question whether it could be made. */
type Deciding = {
  readonly attempt: VerdictAttempt
  readonly purpose: 'ask' | 'record'
  readonly sealed?: SealedParts | undefined
}

type Context = { readonly intent: IntentStream; readonly standing: Standing; readonly left: number }
type Answer =
  | { readonly refusal: Refusal; readonly isRecorded: boolean }
  | { readonly refusal?: never; readonly before: readonly StoredEvent[] }

const newSalt = (): string => randomBytes(32).toString('base64url')

const nobody: Standing = { owners: [], groupsOf: new Map(), heldWhenAsked: new Map(), unreviewedAuthors: [] }
const sealTries = 3

/** Stands for the reason that is asked for once the question whether somebody may decide is answered. */
const reasonToCome = `sha256:${'0'.repeat(64)}`

/**
 * Takes verdicts of all channels. The core decides on the intent's stream, on what the attempts say this person was shown,
 * and on the registers as they are in the same transaction. Every refusal is recorded with the attempts, in that transaction.
 */
export class RecordVerdict {
  readonly #options: RecordVerdictOptions

  constructor(options: RecordVerdictOptions) {
    this.#options = options
  }

  /**
   * Why the person could not give this verdict now, whatever the reason; undefined when they could. A refusal is recorded
   * like that of a verdict, for somebody tried. Nothing else changes.
   */
  async ask(attempt: VerdictAttempt): Promise<Refusal | undefined> {
    const decided = await this.#execute({ attempt, purpose: 'ask' })
    return decided.refusal
  }

  /** Records the verdict and what follows from it, or why it is refused. */
  async record(attempt: VerdictAttempt): Promise<RecordedVerdict | Refusal> {
    for (let tries = 1; ; tries += 1) {
      try {
        const decided = await this.#execute({ attempt, purpose: 'record', sealed: await this.#seal(attempt) })
        if (decided.refusal !== undefined) return decided.refusal
        this.#options.onRecorded()
        const { reviewId, intentId } = attempt
        return { reviewId, intentId, state: decided.state }
      } catch (error) {
        if (!(error instanceof StaleKey) || tries === sealTries) throw error
      }
    }
  }

  async #seal(attempt: VerdictAttempt): Promise<SealedParts | undefined> {
    const { tenantId, intentId: streamId } = attempt
    const text = reasonOf(attempt)
    const given = attempt.signature
    if (text === undefined && given === undefined) return undefined
    const [reasonSalt, signatureSalt] = [newSalt(), newSalt()]
    const [reasonId, sealedSignatureId] = [newId(), newId()]
    const sealing = (sealedId: string, purpose: string, content: SealedReason | SealedSignature) => ({
      tenantId,
      streamId,
      sealedId,
      purpose,
      plaintext: Buffer.from(JSON.stringify(content)),
    })
    const batch = await this.#options.keyring.sealBatch([
      ...(text === undefined ? [] : [sealing(reasonId, sealedReasonPurpose, { salt: reasonSalt, text })]),
      ...(given === undefined
        ? []
        : [sealing(sealedSignatureId, sealedSignaturePurpose, { salt: signatureSalt, ...given.evidence })]),
    ])
    return {
      ...(text === undefined ? {} : { reason: { sealedId: reasonId, commitment: commitment(reasonSalt, text) } }),
      ...(given === undefined
        ? {}
        : {
            signature: {
              keyId: given.keyId,
              commitment: commitment(signatureSalt, given.evidence),
              sealedSignatureId,
            },
          }),
      batch,
    }
  }

  #execute(deciding: Deciding) {
    const { reviewId, channel } = deciding.attempt
    const attributes = { 'countersign.review.id': reviewId, 'countersign.channel': channel }
    return withSpan('notifier.record-verdict', attributes, () => this.#decideAndAppend(deciding))
  }

  async #decideAndAppend(
    deciding: Deciding,
  ): Promise<{ readonly refusal: Refusal } | { readonly refusal?: never; readonly state: string }> {
    const { tenantId, intentId } = deciding.attempt
    const refs = { intent: intentStream(tenantId, intentId), attempts: attemptsStream(tenantId, intentId) }
    const { answer, events } = await this.#options.store.execute(
      { streams: [refs.intent, refs.attempts] },
      {
        read: (tx, _commands, loaded) => readContext(tx, deciding.attempt, loaded),
        decide: (_command, loaded, context) => this.#decide(deciding, loaded, context),
        effects: async (tx, [decided]) => {
          if (decided === undefined) return
          if (decided.answer.refusal !== undefined) return countRefused(tx, deciding.attempt, decided.answer)
          if (decided.events.length === 0) return
          const review = reviewIn([...decided.answer.before, ...decided.events])
          if (review === undefined) throw new Error('a verdict was given without a review')
          await allEnded([
            deciding.sealed === undefined ? undefined : this.#options.keyring.writeSealed(tx, deciding.sealed.batch),
            keepReviews(tx, [{ tracked: review }]),
          ])
        },
      },
    )
    if (answer.refusal !== undefined) return { refusal: asRecorded(answer.refusal) }
    return { state: foldIntent([...answer.before, ...events]).status }
  }

  #decide({ attempt, purpose, sealed }: Deciding, loaded: Loaded, context: Context): Decision<Answer> {
    const { tenantId, intentId } = attempt
    const outcome =
      attempt.refusedAs === undefined
        ? decide(this.#command({ attempt, purpose, sealed }, loaded, context), context.intent)
        : refuse(attempt.refusedAs)
    if (isRefusal(outcome)) {
      const isRecorded = context.left > 0
      const stream = attemptsStream(tenantId, intentId)
      return {
        append: isRecorded ? [{ stream, events: [refusedVerdict(attempt, outcome)] }] : [],
        answer: { refusal: outcome, isRecorded },
      }
    }
    const stream = intentStream(tenantId, intentId)
    const { events: before } = loaded.of(stream)
    // What a person decides belongs to the trace of the intent, not to that of their click.
    const traceparent = before[0]?.metadata.traceparent
    const metadata = traceparent === undefined ? {} : { metadata: { traceparent } }
    return { append: purpose === 'record' ? [{ stream, events: outcome, ...metadata }] : [], answer: { before } }
  }

  #command(
    { attempt, purpose, sealed }: Deciding,
    loaded: Loaded,
    { standing }: Context,
  ): Extract<Parameters<typeof decide>[0], { type: 'RecordVerdict' }> {
    const { reviewId, verdict, person, account, channel, assurance, authTime, tenantId, intentId } = attempt
    const presentation = presentationShown(loaded.of(attemptsStream(tenantId, intentId)).events, attempt)
    const reasonCommitment = purpose === 'ask' ? reasonToCome : sealed?.reason?.commitment
    return {
      type: 'RecordVerdict',
      now: loaded.now,
      reviewId,
      verdict,
      person,
      account,
      channel,
      assurance,
      ...(authTime === undefined ? {} : { authTime }),
      ...(presentation === undefined ? {} : { presentation }),
      ...(reasonCommitment === undefined ? {} : { reasonCommitment }),
      ...(sealed?.reason === undefined ? {} : { sealedReasonId: sealed.reason.sealedId }),
      ...(sealed?.signature === undefined ? {} : { signature: sealed.signature }),
      collectWithinMs: this.#options.collectWithinMs,
      standing,
    }
  }
}

/** The state, what the registers say about everybody in it now, and how many more refusals of this source get an event. */
const readContext = async (
  tx: Transaction,
  { tenantId, intentId, person, source, client }: VerdictAttempt,
  loaded: Loaded,
): Promise<Context> => {
  const intent = foldIntent(loaded.of(intentStream(tenantId, intentId)).events)
  const room = refusalsLeft(tx, [{ tenantId, source }])
  if (!isPublished(intent)) return { intent, standing: nobody, left: (await room)[0] ?? 0 }
  const voters = (intent.review?.verdicts ?? []).map((counted) => counted.person)
  const standings = readStanding(tx, [
    {
      tenantId,
      agent: intent.published.agent.name,
      producer: intent.published.producer,
      parentAgents: intent.published.parentAgents ?? [],
      askedAt: intent.review?.requestedAt ?? null,
      groups: (intent.review?.seats ?? []).map(({ group }) => group),
      people: person === null ? voters : [...voters, person],
      client,
    },
  ])
  const [[left = 0], [standing = nobody]] = await Promise.all([room, standings])
  return { intent, standing, left }
}

const countRefused = (
  tx: Transaction,
  { tenantId, intentId, source }: VerdictAttempt,
  { refusal, isRecorded }: Extract<Answer, { isRecorded: boolean }>,
): Promise<void> =>
  countRefusals(tx, [
    { tenantId, source, code: refusal.code, streamId: intentId, total: 1, recorded: isRecorded ? 1 : 0 },
  ])
