import {
  isRefusal,
  type RecordVerdictBody,
  type RefusalCode,
  type Refusal,
  refuse,
  type ReviewSummary,
  type ReviewView,
} from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { nameId } from '@countersign/redaction'
import { WaitingPlaces, type WaitingReaders } from '@countersign/service-kit'
import { type AssuranceRules, type ChallengedRefusal, signInProof, withChallenge } from '../../assurance.ts'
import { auditorGroup, type PersonCaller, personCaller } from '../../caller.ts'
import { cardOf } from '../../present-review/deliver-cards.ts'
import { openReview, type ReviewSource } from '../../present-review/open-review.ts'
import { recordPresentation } from '../../present-review/record-presentation.ts'
import { findReview, listReviews, type TrackedReview } from '../../present-review/tracked-review.ts'
import type { RecordedVerdict, RecordVerdict } from '../../record-verdict/record-verdict.handler.ts'
import { type ListReviewsQuery, summaryOf } from './review-bodies.ts'

/** Over HTTP a reader gets everything: all log lines, each whole. */
const wholeTruth = {
  name: 'api',
  logs: { lines: Number.MAX_SAFE_INTEGER, lineLength: Number.MAX_SAFE_INTEGER },
  fits: () => true,
} as const

/** Another instance may be the one that hears of a review. */
const safetyMs = 500
/** Reads of one person that wait at a time. */
const mostWaiting = 100

export type ReadReview = {
  readonly reviewId: string
  /** How long to wait for a review that is not known yet. */
  readonly waitMs: number
}

/** Who waits for reviews that are not known yet, by their ids, and what ends all waiting. */
export type WaitingForReviews = { readonly tracked: WaitingReaders; readonly stopping: AbortSignal }

/** Reviews over HTTP: for those who hold a seat that is asked for, and for auditors, who only read. */
export class ApiChannel {
  readonly #source: ReviewSource
  readonly #verdicts: RecordVerdict
  readonly #assurance: AssuranceRules
  readonly #waiting: WaitingForReviews
  readonly #places = new WaitingPlaces(mostWaiting)

  constructor(source: ReviewSource, verdicts: RecordVerdict, assurance: AssuranceRules, waiting: WaitingForReviews) {
    this.#waiting = waiting
    this.#source = source
    this.#verdicts = verdicts
    this.#assurance = assurance
  }

  /** Reviews that the caller may decide on, newest first; all of the tenant for auditors. Presents nothing. */
  async list(identity: Identity, { state, limit }: ListReviewsQuery): Promise<ReviewSummary[] | Refusal> {
    const caller = await personCaller(this.#source.pool, identity)
    if ('refused' in caller) return caller
    const { tenantId } = caller
    const groups = caller.groups.includes(auditorGroup) ? null : caller.groups
    return (await listReviews(this.#source.pool, { tenantId, groups, state, limit })).map(summaryOf)
  }

  /** A review with everything that there is to see; recorded as shown to this reader before it is answered. */
  async read(identity: Identity, { reviewId, waitMs }: ReadReview): Promise<ReviewView | Refusal> {
    const caller = await personCaller(this.#source.pool, identity)
    if ('refused' in caller) return caller
    const review = await this.#visible(caller, { identity, reviewId, waitMs })
    if (review === undefined) return refuse('unknown_review')
    if ('refused' in review) return review
    const opened = await openReview(this.#source, review.tenantId, review.intentId)
    if (opened === undefined) return refuse('unknown_review')
    const card = cardOf(opened, wholeTruth)
    await recordPresentation(this.#source.store, opened, { card, reader: caller.subjectId })
    return {
      reviewId,
      intentId: review.intentId,
      state: card.progress.state,
      presentationDigest: card.presentationDigest,
      actionDigest: card.presentation.actionDigest,
      presentation: card.presentation,
      seats: review.seats,
      ...(opened.review.assurance === undefined ? {} : { assurance: opened.review.assurance }),
      deadline: review.deadline,
      verdicts: opened.events.flatMap(({ type, data, recordedAt }) =>
        type === 'VerdictRecorded'
          ? [{ person: data.person, verdict: data.verdict, channel: data.channel, recordedAt }]
          : [],
      ),
    }
  }

  /**
   * A review that the caller may see, now or soon. Whether there is one that they may not see, waiting does not tell. Who has
   * waited is looked up again: they may not be who they were any more.
   */
  async #visible(
    first: PersonCaller,
    { identity, reviewId, waitMs }: ReadReview & { readonly identity: Identity },
  ): Promise<TrackedReview | Refusal | undefined> {
    const leave = waitMs === 0 ? undefined : this.#places.take(first.subjectId)
    try {
      return await this.#look(first, { identity, reviewId, waitMs })
    } finally {
      leave?.()
    }
  }

  async #look(
    first: PersonCaller,
    { identity, reviewId, waitMs }: ReadReview & { readonly identity: Identity },
  ): Promise<TrackedReview | Refusal | undefined> {
    const { tracked, stopping } = this.#waiting
    const until = performance.now() + waitMs
    for (let caller: PersonCaller | undefined = first; ; caller = undefined) {
      // Asked for before the look, so that a review that comes between the two is not missed.
      const woken = tracked.next(reviewId, Math.min(safetyMs, Math.max(1, until - performance.now())), stopping)
      const review = await findReview(this.#source.pool, reviewId)
      if (review !== undefined) {
        const now = caller ?? (await personCaller(this.#source.pool, identity))
        if ('refused' in now) return now
        if (maySee(now, review)) return review
      }
      if (performance.now() >= until || stopping.aborted) return undefined
      await woken
    }
  }

  /**
   * Records a verdict of the person who signed in. What is refused is recorded as well, of programs and strangers too; a
   * sign-in that proves too little is answered with what it takes.
   */
  async recordVerdict(
    identity: Identity,
    reviewId: string,
    body: RecordVerdictBody,
  ): Promise<RecordedVerdict | ChallengedRefusal> {
    const { pool } = this.#source
    const [caller, review] = await Promise.all([personCaller(pool, identity), findReview(pool, reviewId)])
    if (review === undefined) return 'refused' in caller ? caller : refuse('unknown_review')
    const { tenantId, intentId } = review
    const attempt = {
      tenantId,
      intentId,
      reviewId,
      verdict: body.verdict,
      channel: 'api',
      presentationDigest: body.presentationDigest,
      reason: body.reason,
    } as const
    // Somebody of another tenant is nobody in this one: no id of theirs gets into its events.
    const refusedAs = refusalOf(caller, review)
    if ('refused' in caller || refusedAs !== undefined) {
      return this.#verdicts.record({
        ...attempt,
        person: null,
        account: { provider: 'oidc', accountId: nameId('oidc', tenantId) },
        assurance: 'sso',
        source: `oidc/${nameId('oidc', identity.issuer, identity.subject)}`,
        refusedAs: refusedAs ?? 'not_allowed',
      })
    }
    const { subjectId } = caller
    const outcome = await this.#verdicts.record({
      ...attempt,
      person: subjectId,
      account: { provider: 'oidc', accountId: subjectId },
      client: { issuer: identity.issuer, clientId: identity.clientId },
      ...signInProof(this.#assurance, identity),
      source: `person/${subjectId}`,
    })
    return isRefusal(outcome) ? withChallenge(this.#assurance, outcome) : outcome
  }
}

const maySee = ({ tenantId, groups }: PersonCaller, review: TrackedReview): boolean =>
  tenantId === review.tenantId &&
  (groups.includes(auditorGroup) || review.seats.some(({ group }) => groups.includes(group)))

const refusalOf = (caller: PersonCaller | Refusal, { tenantId }: TrackedReview): RefusalCode | undefined => {
  if ('refused' in caller) return caller.code
  return caller.tenantId === tenantId ? undefined : 'unknown_review'
}
