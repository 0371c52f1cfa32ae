import { type Refusal, refuse } from '@countersign/contracts'
import { type AccountEntry, accountsByUser, withTenants } from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import type pg from 'pg'
import { findReview, type TrackedReview } from '../../present-review/tracked-review.ts'
import type { RecordedVerdict, RecordVerdict } from '../../record-verdict/record-verdict.handler.ts'
import type { VerdictAttempt } from '../../record-verdict/verdict-attempt.ts'
import type { CardValue } from './card-value.ts'

export type SlackUser = { readonly teamId: string; readonly userId: string }

/** The account of a Slack user in a tenant's register; undefined when nobody has confirmed that it is theirs. */
export const linkedAccount = async (
  pool: pg.Pool,
  tenantId: string,
  { teamId, userId }: SlackUser,
): Promise<AccountEntry | undefined> => {
  const user = { provider: 'slack', teamId, userId }
  const accounts = await withTenants(pool, [tenantId], (tx) => accountsByUser(tx, [user]))
  return accounts.find((linked) => linked.tenantId === tenantId && linked.confirmed)
}

/**
 * Verdicts from Slack. The person behind a Slack user is only ever the one that the account register names for the review's
 * tenant; what Slack says about names and addresses is not read.
 */
export class TakeVerdict {
  readonly #pool: pg.Pool
  readonly #verdicts: RecordVerdict

  constructor(pool: pg.Pool, verdicts: RecordVerdict) {
    this.#pool = pool
    this.#verdicts = verdicts
  }

  /** What the user would decide on, or why they may not; a refusal is recorded as an attempt. */
  async ask(user: SlackUser, value: CardValue): Promise<TrackedReview | Refusal> {
    const review = await findReview(this.#pool, value.reviewId)
    if (review === undefined) return refuse('unknown_review')
    return (await this.#verdicts.ask(await this.#attempt(user, value, { review }))) ?? review
  }

  async record(user: SlackUser, value: CardValue, reason: string | undefined): Promise<RecordedVerdict | Refusal> {
    const review = await findReview(this.#pool, value.reviewId)
    if (review === undefined) return refuse('unknown_review')
    return this.#verdicts.record(await this.#attempt(user, value, { review, reason }))
  }

  /** Records that a button came back with another value than it was sent with; it decides nothing. */
  async refuseChanged(user: SlackUser, value: CardValue): Promise<void> {
    const review = await findReview(this.#pool, value.reviewId)
    if (review === undefined) return
    await this.#verdicts.record({ ...(await this.#attempt(user, value, { review })), refusedAs: 'card_stale' })
  }

  async #attempt(
    { teamId, userId }: SlackUser,
    { verdict, presentationDigest }: CardValue,
    { review, reason }: { review: TrackedReview; reason?: string | undefined },
  ): Promise<VerdictAttempt> {
    const { tenantId, intentId, reviewId } = review
    const account = await linkedAccount(this.#pool, tenantId, { teamId, userId })
    const strangerId = nameId('slack', teamId, userId)
    return {
      tenantId,
      intentId,
      reviewId,
      verdict,
      person: account?.subjectId ?? null,
      account: { provider: 'slack', accountId: account?.accountId ?? strangerId },
      channel: 'slack',
      assurance: 'chat',
      presentationDigest,
      reason,
      source: `slack/${account?.accountId ?? strangerId}`,
    }
  }
}
