import { isRefusal, type RefusalCode, refusals } from '@countersign/contracts'
import { groupsOfPeople, peopleById, withTenants } from '@countersign/event-store'
import { meetsDemand } from '@countersign/intent'
import type { Card } from '../channels/channel.ts'
import { cardOf } from '../present-review/deliver-cards.ts'
import { openReview, type OpenedReview, type ReviewSource } from '../present-review/open-review.ts'
import { demandText } from '../present-review/presentation-text.ts'
import { recordPresentation } from '../present-review/record-presentation.ts'
import type { RecordVerdict } from '../record-verdict/record-verdict.handler.ts'
import { longestReason } from '../record-verdict/verdict-attempt.ts'
import { html, type Markup } from '../show-page/markup.ts'
import { formTokenOf } from '../show-page/own-form.ts'
import { type Page, refusedPage, signInForm } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'
import { findTicket, type PageTicket, useTicket } from '../sign-in/page-tickets.ts'
import { presentationMarkup } from './presentation-markup.ts'

/** A page has room for everything. */
const wholeTruth = {
  name: 'console',
  logs: { lines: Number.MAX_SAFE_INTEGER, lineLength: Number.MAX_SAFE_INTEGER },
  fits: () => true,
} as const

/** After these the person can still do better with the same address. */
const mendable: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['reason_required', 'step_up_required', 'card_stale'])

type Ticket = PageTicket<'verdict'>
type Shown = { readonly card: Card; readonly opened: OpenedReview }

/**
 * Where somebody goes on who pressed approve in a chat, and of whom policy asks more than a chat can prove. The address is
 * for one person and one review and works for one verdict; the page shows everything, and a verdict from it names what it
 * showed. Looking decides nothing.
 */
export class VerdictPage {
  readonly #source: ReviewSource
  readonly #verdicts: RecordVerdict

  constructor(source: ReviewSource, verdicts: RecordVerdict) {
    this.#source = source
    this.#verdicts = verdicts
  }

  async show(secret: string, session: PageSession | undefined, problem?: RefusalCode): Promise<Page> {
    const ticket = await findTicket(this.#source.pool, 'verdict', secret)
    if (ticket === undefined) return refusedPage('address_used')
    const address = `/me/verdict/${secret}`
    if (session === undefined) {
      const body = html`<p>This decision asks for more than a click in a chat. Sign in to see it.</p>${signInForm(address, { surely: true })}`
      return { title: 'Continue a decision', body }
    }
    const shown = await this.#shown(ticket, session)
    if (typeof shown === 'string') return refusedPage(shown)
    const { card, opened } = shown
    await recordPresentation(this.#source.store, opened, { card, reader: session.person })
    const { assurance } = card.presentation
    const isMet = assurance === undefined || meetsDemand({ ...proofOf(session), now: opened.now }, assurance)
    return {
      ...(problem === undefined ? {} : { status: refusedPage(problem).status }),
      title: `${card.presentation.action} in ${card.presentation.environment}`,
      body: html`${problem !== undefined && refusalMarkup(problem)}
${presentationMarkup(card.presentation)}
${
  !isMet &&
  assurance !== undefined &&
  html`<p class="caution" role="note">To approve, this review needs ${demandText(assurance)}. How you signed in does not prove that.</p>${signInForm(address, { surely: true })}`
}
${decisionForm(address, { session, card, mayApprove: isMet && card.presentation.complete })}`,
    }
  }

  /** Records what the person decided on the page, and uses the address up unless they can mend what is missing. */
  async decide(secret: string, session: PageSession, form: ReadonlyMap<string, string>): Promise<Page> {
    const ticket = await findTicket(this.#source.pool, 'verdict', secret)
    if (ticket === undefined) return refusedPage('address_used')
    if (!isTheirs(ticket, session)) return refusedPage('not_allowed')
    const verdict = form.get('verdict')
    if (verdict !== 'approve' && verdict !== 'deny') return refusedPage('invalid_request')
    const { tenantId, content } = ticket
    const { person, intentId, reviewId } = content
    const reason = form.get('reason')?.slice(0, longestReason)
    const outcome = await this.#verdicts.record({
      tenantId,
      intentId,
      reviewId,
      verdict,
      person,
      account: { provider: 'oidc', accountId: person },
      channel: 'console',
      ...proofOf(session),
      presentationDigest: form.get('digest') ?? '',
      reason,
      source: `person/${person}`,
    })
    if (isRefusal(outcome)) {
      if (mendable.has(outcome.code)) return this.show(secret, session, outcome.code)
      await useTicket(this.#source.pool, 'verdict', secret)
      return refusedPage(outcome.code)
    }
    await useTicket(this.#source.pool, 'verdict', secret)
    const title = verdict === 'approve' ? 'Approved' : 'Denied'
    return { title, body: html`<p>Recorded. The intent is now: ${outcome.state.replaceAll('_', ' ')}.</p>` }
  }

  /** The review as it stands, for the person of the ticket; a code when there is nothing to show them. */
  async #shown(ticket: Ticket, session: PageSession): Promise<Shown | RefusalCode> {
    if (!isTheirs(ticket, session)) return 'not_allowed'
    const { tenantId, content } = ticket
    const opened = await openReview(this.#source, tenantId, content.intentId)
    if (opened === undefined || !(await this.#holdsSeat(session, opened))) return 'not_eligible'
    const card = cardOf(opened, wholeTruth)
    if (card.presentation.actionDigest !== content.actionDigest) return 'card_stale'
    return card.progress.isOpen ? { card, opened } : 'review_closed'
  }

  async #holdsSeat({ tenantId, person }: PageSession, { review }: OpenedReview): Promise<boolean> {
    const who = [{ tenantId, subjectId: person }]
    return withTenants(this.#source.pool, [tenantId], async (tx) => {
      const [found] = await peopleById(tx, who)
      const groups = await groupsOfPeople(tx, who)
      return (
        found?.active === true && review.seats.some(({ group }) => groups.some(({ groupName }) => groupName === group))
      )
    })
  }
}

const isTheirs = ({ tenantId, content }: Ticket, session: PageSession): boolean =>
  session.tenantId === tenantId && session.person === content.person

const proofOf = ({ assurance, authTime }: PageSession) => ({
  assurance,
  ...(authTime === undefined ? {} : { authTime }),
})

const refusalMarkup = (code: RefusalCode): Markup =>
  html`<p class="refused" role="alert">${refusals[code].title}. ${refusals[code].next}</p>`

type Deciding = { readonly session: PageSession; readonly card: Card; readonly mayApprove: boolean }

const decisionForm = (address: string, { session, card, mayApprove }: Deciding): Markup =>
  html`<form method="post" action="${address}">
<input type="hidden" name="token" value="${formTokenOf(session.secret)}">
<input type="hidden" name="digest" value="${card.presentationDigest}">
<label for="reason">Reason; a no needs one</label>
<textarea id="reason" name="reason" maxlength="${longestReason}"></textarea>
${mayApprove && html`<button type="submit" name="verdict" value="approve">Approve</button>`}
<button type="submit" name="verdict" value="deny">Deny</button>
</form>`
