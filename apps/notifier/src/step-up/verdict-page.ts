import { isRefusal, type RefusalCode, refusals } from '@countersign/contracts'
import { groupsOfPeople, peopleById, withTenants } from '@countersign/event-store'
import { meetsDemand } from '@countersign/intent'
import { nameId } from '@countersign/redaction'
import type { Card } from '../channels/channel.ts'
import { cardOf } from '../present-review/deliver-cards.ts'
import { openReview, type OpenedReview, type ReviewSource } from '../present-review/open-review.ts'
import { recordPresentation } from '../present-review/record-presentation.ts'
import type { RecordVerdict } from '../record-verdict/record-verdict.handler.ts'
import { longestReason, type VerdictAttempt } from '../record-verdict/verdict-attempt.ts'
import { html, type Markup } from '../show-page/markup.ts'
import { signScript } from '../register-key/browser-scripts.ts'
import { keysOf } from '../register-key/security-keys.ts'
import { type Page, refusedPage, signInForm, signOutLink } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'
import { findTicket, type PageTicket, useTicket } from '../sign-in/page-tickets.ts'
import { type Approval, decisionForm, missingMarkup } from './decision-form.ts'
import { presentationMarkup } from './presentation-markup.ts'
import { signingOptions, verifySignature } from './sign-verdict.ts'

/** A page has room for everything. */
const wholeTruth = {
  name: 'console',
  logs: { lines: Number.MAX_SAFE_INTEGER, lineLength: Number.MAX_SAFE_INTEGER },
  fits: () => true,
} as const

/** After these the person can still do better with the same address. */
const mendable: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'reason_required',
  'step_up_required',
  'signature_invalid',
  'card_stale',
])

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
  readonly #publicUrl: string

  constructor(source: ReviewSource, verdicts: RecordVerdict, publicUrl: string) {
    this.#source = source
    this.#verdicts = verdicts
    this.#publicUrl = publicUrl
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
    const approval = await this.#approval(secret, session, shown)
    const { assurance } = card.presentation
    return {
      ...(problem === undefined ? {} : { status: refusedPage(problem).status }),
      title: `${card.presentation.action} in ${card.presentation.environment}`,
      body: html`${problem !== undefined && refusalMarkup(problem)}
${presentationMarkup(card.presentation)}
${assurance !== undefined && missingMarkup(approval, assurance, address)}
${signOutLink}
${decisionForm(address, { session, card, approval })}`,
      ...(approval.by === 'signature' ? { script: signScript } : {}),
    }
  }

  /** How this person can approve here, with how they signed in and the keys that they have. */
  async #approval(ticket: string, session: PageSession, { card, opened }: Shown): Promise<Approval> {
    const { assurance, actionDigest, complete } = card.presentation
    if (!complete) return { by: 'nothing' }
    if (assurance?.atLeast !== 'webauthn') {
      const isMet = assurance === undefined || meetsDemand({ ...proofOf(session), now: opened.now }, assurance)
      return { by: isMet ? 'click' : 'sign-in' }
    }
    const signed = { ...proofOf(session), assurance: 'webauthn', now: opened.now } as const
    if (!meetsDemand(signed, assurance)) return { by: 'sign-in' }
    const keys = await keysOf(this.#source.pool, session)
    if (keys.length === 0) return { by: 'new-key' }
    const signing = { session, ticket, actionDigest, presentationDigest: card.presentationDigest }
    const options = await signingOptions(signing, { publicUrl: this.#publicUrl, keys })
    return { by: 'signature', options: JSON.stringify(options) }
  }

  /** Records what the person decided on the page, and uses the address up unless they can mend what is missing. */
  async submit(secret: string, session: PageSession, form: ReadonlyMap<string, string>): Promise<Page> {
    const ticket = await findTicket(this.#source.pool, 'verdict', secret)
    if (ticket === undefined) return refusedPage('address_used')
    const verdict = form.get('verdict')
    if (verdict !== 'approve' && verdict !== 'deny') return refusedPage('invalid_request')
    const { tenantId, content } = ticket
    if (!isTheirs(ticket, session)) {
      await this.#verdicts.record({ ...attemptOfAnother(ticket, session), verdict })
      return refusedPage('not_allowed')
    }
    const { person, intentId, reviewId } = content
    const reason = form.get('reason')?.slice(0, longestReason)
    const presentationDigest = form.get('digest') ?? ''
    const signing = { session, ticket: secret, actionDigest: content.actionDigest, presentationDigest }
    const answer = verdict === 'approve' ? (form.get('answer') ?? '') : ''
    const signature =
      answer === ''
        ? undefined
        : await verifySignature(signing, answer, { publicUrl: this.#publicUrl, pool: this.#source.pool })
    const outcome = await this.#verdicts.record({
      tenantId,
      intentId,
      reviewId,
      verdict,
      person,
      account: { provider: 'oidc', accountId: person },
      channel: 'console',
      ...proofOf(session),
      ...(signature === undefined ? {} : { assurance: 'webauthn', signature }),
      ...(answer !== '' && signature === undefined ? { refusedAs: 'signature_invalid' } : {}),
      presentationDigest,
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

/** With somebody else's address. Somebody of another tenant is nobody in this one: no id of theirs gets into its events. */
const attemptOfAnother = (
  { tenantId, content: { intentId, reviewId } }: Ticket,
  session: PageSession,
): Omit<VerdictAttempt, 'verdict'> => {
  const isOfTenant = session.tenantId === tenantId
  return {
    tenantId,
    intentId,
    reviewId,
    person: isOfTenant ? session.person : null,
    account: { provider: 'oidc', accountId: isOfTenant ? session.person : nameId('oidc', tenantId) },
    channel: 'console',
    ...proofOf(session),
    presentationDigest: '',
    reason: undefined,
    source: isOfTenant ? `person/${session.person}` : `oidc/${nameId('oidc', session.tenantId, session.person)}`,
    refusedAs: 'not_allowed',
  }
}

const proofOf = ({ assurance, authTime }: PageSession) => ({
  assurance,
  ...(authTime === undefined ? {} : { authTime }),
})

const refusalMarkup = (code: RefusalCode): Markup =>
  html`<p class="refused" role="alert">${refusals[code].title}. ${refusals[code].next}</p>`
