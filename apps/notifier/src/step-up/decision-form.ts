import type { AssuranceDemand } from '@countersign/contracts'
import type { Card } from '../channels/channel.ts'
import { demandText } from '../present-review/presentation-text.ts'
import { longestReason } from '../record-verdict/verdict-attempt.ts'
import { html, type Markup } from '../show-page/markup.ts'
import { formTokenOf } from '../show-page/own-form.ts'
import { signInForm } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'

/** By what somebody can approve on the page, or what they have to do first; by nothing when not everything is shown. */
export type Approval =
  | { readonly by: 'click' | 'sign-in' | 'new-key' | 'nothing' }
  /** Options of the key's signature, as JSON. */
  | { readonly by: 'signature'; readonly options: string }

/** What is missing for a yes. */
export const missingMarkup = ({ by }: Approval, demand: AssuranceDemand, address: string): Markup => {
  const needed = `To approve, this review needs ${demandText(demand)}.`
  if (by === 'sign-in')
    return html`<p class="caution" role="note">${needed} How you signed in does not prove that.</p>${signInForm(address, { surely: true })}`
  if (by === 'new-key')
    return html`<p class="caution" role="note">${needed} You have none yet: <a href="/me/keys">add one</a>, then press the button in the chat again.</p>`
  return html``
}

type Deciding = { readonly session: PageSession; readonly card: Card; readonly approval: Approval }

/** Approve where it is possible, and deny in any case. */
export const decisionForm = (address: string, { session, card, approval }: Deciding): Markup =>
  html`<form id="key-form" method="post" action="${address}"${
    approval.by === 'signature' && html` data-options="${approval.options}"`
  }>
<input type="hidden" name="token" value="${formTokenOf(session.secret)}">
<input type="hidden" name="digest" value="${card.presentationDigest}">
<input type="hidden" name="answer" value="">
<label for="reason">Reason; a no needs one</label>
<textarea id="reason" name="reason" maxlength="${longestReason}"></textarea>
<p id="key-problem" role="status"></p>
${approval.by === 'click' && html`<button type="submit" name="verdict" value="approve">Approve</button>`}
${
  approval.by === 'signature' &&
  html`<button type="submit" name="verdict" value="approve" data-key>Approve with a security key</button>`
}
<button type="submit" name="verdict" value="deny">Deny</button>
</form>`
