import { isRefusal } from '@countersign/contracts'
import { peopleById, withTenants } from '@countersign/event-store'
import type { Log } from '@countersign/service-kit'
import { visibleText } from '@countersign/redaction'
import type pg from 'pg'
import { html, type Markup } from '../show-page/markup.ts'
import { formTokenOf } from '../show-page/own-form.ts'
import { type Page, refusedPage, signInForm, signOutLink } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'
import { findTicket, type LinkTicket, ticketMinutes, useTicket } from '../sign-in/page-tickets.ts'
import type { LinkAccount } from './link-account.handler.ts'

export type LinkPageOptions = {
  readonly pool: pg.Pool
  readonly accounts: LinkAccount
  /** Tells the chat account what became of it. */
  readonly tell: (account: LinkTicket, text: string) => Promise<void>
  readonly log: Log
}

/**
 * Links a chat account to whoever signs in and confirms: the address comes from the chat, the person from the identity
 * provider. Looking changes nothing. The page says whose account it is before and after the sign-in, since somebody may
 * have passed their own address on.
 */
export class LinkPage {
  readonly #options: LinkPageOptions

  constructor(options: LinkPageOptions) {
    this.#options = options
  }

  async show(secret: string, session: PageSession | undefined): Promise<Page> {
    const { pool } = this.#options
    const ticket = await findTicket(pool, 'link', secret)
    if (ticket === undefined) return over
    if (session === undefined)
      return { title, body: html`${accountOf(ticket.content)}${signInForm(`/me/link/${secret}`)}` }
    if (session.tenantId !== ticket.tenantId) return refusedPage('not_allowed')
    const name = await this.#nameOf(session)
    return {
      title,
      body: html`${accountOf(ticket.content)}
<p>You are signed in as <strong>${name}</strong>. Whoever uses that account will decide in your name.</p>
<p class="caution" role="note">Link it only if the account is yours. If somebody sent you this address, close the page.</p>
<form method="post" action="/me/link/${secret}">
<input type="hidden" name="token" value="${formTokenOf(session.secret)}">
<button type="submit">Yes, this account is mine</button>
</form>
${signOutLink}`,
    }
  }

  /** Links the account to the person of the session; the address is used up by that, whatever comes of it. */
  async submit(secret: string, session: PageSession): Promise<Page> {
    const { pool, accounts, tell, log } = this.#options
    const ticket = await findTicket(pool, 'link', secret)
    if (ticket === undefined) return over
    if (session.tenantId !== ticket.tenantId) return refusedPage('not_allowed')
    const used = await useTicket(pool, 'link', secret)
    if (used === undefined) return over
    const { provider, teamId, userId } = used.content
    const { tenantId, person } = session
    const linked = await accounts.handle({
      tenantId,
      provider,
      teamId,
      userId,
      person,
      changedBy: person,
      seeded: false,
      confirmed: true,
    })
    if (isRefusal(linked)) return refusedPage(linked.code)
    const name = await this.#nameOf(session)
    await tell(
      used.content,
      `This account is linked to ${name} now: what you approve or deny here counts as theirs. If that is not you, tell an operator at once.`,
    ).catch((error: unknown) => log.warn({ err: error }, 'an account was not told that it is linked'))
    return {
      title: 'Linked',
      body: html`${accountOf(used.content)}<p>It is linked to ${name}. Go back to the chat.</p>`,
    }
  }

  async #nameOf({ tenantId, person }: PageSession): Promise<string> {
    const found = await withTenants(this.#options.pool, [tenantId], (tx) =>
      peopleById(tx, [{ tenantId, subjectId: person }]),
    )
    return visibleText(found[0]?.displayName ?? 'unknown person')
  }
}

const title = 'Link a chat account'
const over: Page = refusedPage('address_used')

const accountOf = ({ provider, teamId, userId, teamName, userName }: LinkTicket): Markup =>
  html`<p>The ${provider === 'slack' ? 'Slack' : provider} account this is about:</p>
<dl><dt>User</dt><dd>${visibleText(userName)} (${userId})</dd><dt>Workspace</dt><dd>${visibleText(teamName)} (${teamId})</dd></dl>
<p>The address of this page works once, for ${ticketMinutes} minutes.</p>`
