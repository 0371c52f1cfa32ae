import { createHmac } from 'node:crypto'
import { isRefusal, refuse, type RefusalCode, refusals } from '@countersign/contracts'
import {
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type pg from 'pg'
import { html, type Markup } from '../show-page/markup.ts'
import { formTokenOf } from '../show-page/own-form.ts'
import { type Page, refusedPage, signInForm, signOutLink } from '../show-page/page.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'
import { registerScript } from './browser-scripts.ts'
import type { RegisterKey } from './register-key.handler.ts'
import type { RemoveKey } from './remove-key.handler.ts'
import { keysOf, type SecurityKey } from './security-keys.ts'

export type KeysPageOptions = {
  readonly pool: pg.Pool
  readonly keys: RegisterKey
  readonly removal: RemoveKey
  readonly publicUrl: string
}

const address = '/me/keys'

const purpose = html`<p>A security key signs decisions that ask for more than a click in a chat. Sign in to see yours and to add one.</p>`

/**
 * The security keys of a person. One is added only right after a sign-in with several factors: whoever adds keys can sign
 * as that person from then on.
 */
export class KeysPage {
  readonly #options: KeysPageOptions

  constructor(options: KeysPageOptions) {
    this.#options = options
  }

  async show(session: PageSession | undefined, problem?: RefusalCode): Promise<Page> {
    if (session === undefined) return { title, body: html`${purpose}${signInForm(address, { surely: true })}` }
    const known = await keysOf(this.#options.pool, session)
    const body = html`${problem !== undefined && html`<p class="refused" role="alert">${refusals[problem].title}. ${refusals[problem].next}</p>`}
${known.length === 0 ? html`<p>You have none yet.</p>` : html`<ul>${known.map(keyMarkup)}</ul>`}`
    const status = problem === undefined ? {} : { status: refusedPage(problem).status }
    if (session.assurance !== 'mfa') {
      const more = html`${body}<p class="caution" role="note">Adding a key needs a sign-in with several factors.</p>${signInForm(address, { surely: true })}${known.length > 0 && removalForm(session)}${signOutLink}`
      return { title, body: more, ...status }
    }
    return {
      title,
      body: html`${body}${await this.#form(session, known)}${known.length > 0 && removalForm(session)}${signOutLink}`,
      script: registerScript,
      ...status,
    }
  }

  /**
   * Takes a key of the person away. A sign-in of a moment ago is enough: whoever has lost the key has to be able to, and the
   * key gives nobody anything once it is gone.
   */
  async remove(session: PageSession, keyId: string): Promise<Page> {
    const { tenantId, person } = session
    const removed = isUuid(keyId)
      ? await this.#options.removal.handle({ tenantId, person, keyId })
      : refuse('not_found')
    if (isRefusal(removed)) return this.show(session, removed.code)
    return {
      title: 'Key removed',
      body: html`<p>It signs nothing any more. <a href="${address}">Your other keys</a></p>`,
    }
  }

  /** Registers the key that answered on the page. */
  async register(session: PageSession, form: ReadonlyMap<string, string>): Promise<Page> {
    if (session.assurance !== 'mfa') return this.show(session, 'step_up_required')
    const { keys, publicUrl } = this.#options
    const answered = readAnswer<RegistrationResponseJSON>(form.get('answer'))
    const verified =
      answered === undefined
        ? undefined
        : await verifyRegistrationResponse({
            response: answered,
            expectedChallenge: Buffer.from(challengeOf(session)).toString('base64url'),
            expectedOrigin: new URL(publicUrl).origin,
            expectedRPID: new URL(publicUrl).hostname,
            requireUserVerification: true,
          }).catch(() => undefined)
    if (verified?.registrationInfo === undefined) return this.show(session, 'signature_invalid')
    const { credential, credentialBackedUp } = verified.registrationInfo
    if (Buffer.from(credential.id, 'base64url').length > longestCredentialId)
      return this.show(session, 'signature_invalid')
    const { tenantId, person } = session
    const registered = await keys.handle({
      tenantId,
      person,
      key: {
        credentialId: credential.id,
        publicKey: credential.publicKey,
        counter: credential.counter,
        transports: transportsIn(credential.transports),
      },
      isBackedUp: credentialBackedUp,
    })
    if (isRefusal(registered)) return this.show(session, registered.code)
    return {
      title: 'Key added',
      body: html`<p>You can sign decisions with it now. Go back to where you came from.</p>`,
    }
  }

  async #form(session: PageSession, known: Awaited<ReturnType<typeof keysOf>>): Promise<Markup> {
    const options = await generateRegistrationOptions({
      rpName: 'Countersign',
      rpID: new URL(this.#options.publicUrl).hostname,
      userID: Uint8Array.from(Buffer.from(session.person)),
      userName: `Countersign, ${session.person.slice(-12)}`,
      challenge: challengeOf(session),
      attestationType: 'none',
      excludeCredentials: known.map(({ credentialId: id, transports }) => ({ id, transports })),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    })
    return html`<form id="key-form" method="post" action="${address}" data-options="${JSON.stringify(options)}">
<input type="hidden" name="token" value="${formTokenOf(session.secret)}">
<input type="hidden" name="answer" value="">
<p id="key-problem" role="status"></p>
<button type="submit" data-key>Add a key</button>
</form>`
  }
}

const title = 'Security keys'

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

const keyMarkup = ({ keyId, registeredAt }: SecurityKey): Markup =>
  html`<li>Registered ${registeredAt}
<button type="submit" form="removal" name="remove" value="${keyId}" aria-label="Remove the key registered ${registeredAt}">Remove</button></li>`

/** What the buttons beside the keys send. */
const removalForm = ({ secret }: PageSession): Markup =>
  html`<form id="removal" method="post" action="${address}">
<input type="hidden" name="token" value="${formTokenOf(secret)}">
</form>`

/** In bytes (WebAuthn Level 3, "Registering a New Credential"). */
const longestCredentialId = 1_023

/** How the browser says that a key is reached. It is not signed, so it may be anything. */
const transportsIn = (told: unknown): string[] =>
  Array.isArray(told)
    ? told
        .filter((one): one is string => typeof one === 'string' && /^[a-z-]{1,32}$/.test(one))
        .slice(0, mostTransports)
    : []
const mostTransports = 8

/** Only a page of this session can know it. */
const challengeOf = ({ secret }: PageSession): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(createHmac('sha256', secret).update('countersign/register-key/v1').digest())

/** JSON of an authenticator's answer; undefined when it is none. What is in it, the verification judges. */
export const readAnswer = <T extends { id: string }>(text = ''): T | undefined => {
  try {
    const answer = JSON.parse(text) as T | null
    return typeof answer === 'object' && answer !== null && typeof answer.id === 'string' ? answer : undefined
  } catch {
    return undefined
  }
}
