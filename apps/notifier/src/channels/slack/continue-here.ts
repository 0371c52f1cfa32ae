import type { Refusal } from '@countersign/contracts'
import type { KnownBlock } from '@slack/types'
import type pg from 'pg'
import { findReview, type TrackedReview } from '../../present-review/tracked-review.ts'
import { issueTicket } from '../../sign-in/page-tickets.ts'
import type { CardValue } from './card-value.ts'
import { plainText } from './plain-text.ts'
import { linkedAccount, type SlackUser } from './take-verdict.ts'

/** A button that leads from the chat to a page of ours. */
export type ContinueHere = { readonly text: string; readonly url: string }

type Names = { readonly userName: string; readonly teamName: string }

/** Where somebody goes on whose click is not enough: one address per account, for the one who clicked. */
export class ContinueOnPage {
  readonly #pool: pg.Pool
  readonly #publicUrl: string

  constructor(pool: pg.Pool, publicUrl: string) {
    this.#pool = pool
    this.#publicUrl = publicUrl
  }

  /** Undefined when a page would not help. */
  async after({ code }: Refusal, user: SlackUser & Names, value: CardValue): Promise<ContinueHere | undefined> {
    if (code !== 'account_not_linked' && code !== 'step_up_required') return undefined
    const review = await findReview(this.#pool, value.reviewId)
    if (review === undefined) return undefined
    return code === 'account_not_linked' ? this.#toLink(review, user) : this.#toVerdict(review, user, value)
  }

  async #toLink({ tenantId }: TrackedReview, user: SlackUser & Names): Promise<ContinueHere> {
    const content = { provider: 'slack', ...user } as const
    const about = `slack/${user.teamId}/${user.userId}`
    const secret = await issueTicket(this.#pool, 'link', { tenantId, content, about })
    return { text: 'Link this account', url: new URL(`me/link/${secret}`, this.#publicUrl).href }
  }

  async #toVerdict(
    { tenantId, intentId, reviewId }: TrackedReview,
    user: SlackUser,
    { actionDigest }: CardValue,
  ): Promise<ContinueHere | undefined> {
    const person = (await linkedAccount(this.#pool, tenantId, user))?.subjectId
    if (person === undefined) return undefined
    const content = { person, intentId, reviewId, actionDigest }
    const secret = await issueTicket(this.#pool, 'verdict', { tenantId, content, about: `${person}/${reviewId}` })
    return { text: 'Continue here', url: new URL(`me/verdict/${secret}`, this.#publicUrl).href }
  }
}

export const continueBlocks = (text: string, { text: label, url }: ContinueHere): KnownBlock[] => [
  { type: 'section', text: plainText(text) },
  { type: 'actions', elements: [{ type: 'button', action_id: 'continue_here', text: plainText(label), url }] },
]
