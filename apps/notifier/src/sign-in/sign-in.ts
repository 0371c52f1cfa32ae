import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isRefusal, type Refusal, refuse } from '@countersign/contracts'
import { personOf } from '@countersign/event-store'
import type pg from 'pg'
import { type AssuranceRules, signInProof } from '../assurance.ts'
import { cookiesOf, hostCookie } from '../show-page/own-form.ts'
import { findSession, newSecret, openSession, type PageSession, sessionSeconds } from './page-sessions.ts'
import { IdentityProviderAway, type RelyingParty, type SignInSecrets } from './relying-party.ts'

const attemptCookie = 'countersign-sign-in'
const sessionCookie = 'countersign-session'

/** How long signing in may take, and how old the sign-in that comes out of it may be. */
const attemptSeconds = 600

/** Pages to which a sign-in may lead. */
const ownPage = /^\/me\/(link|verdict)\/[A-Za-z0-9_-]{43}$|^\/me\/keys$/

export const isOwnPage = (path: string): boolean => ownPage.test(path)

/** A browser that goes on somewhere, and the cookies with which it does. */
export type Onward = { readonly to: string; readonly cookies: readonly string[] }

export type SignInOptions = { readonly pool: pg.Pool; readonly party: RelyingParty; readonly assurance: AssuranceRules }

/**
 * Signs people in on pages. What a sign-in must prove to be the one that this browser began (state, nonce, PKCE verifier)
 * comes from one secret in a cookie, so nothing is written for somebody who has not signed in.
 */
export class SignIn {
  readonly #options: SignInOptions

  constructor(options: SignInOptions) {
    this.#options = options
  }

  /** Begins a sign-in that leads back to a page of ours. */
  async begin(page: string, asked: { readonly surely: boolean }): Promise<Onward | Refusal> {
    if (!isOwnPage(page)) return refuse('invalid_request', { pointer: '/page' })
    const secret = newSecret()
    const to = await unlessAway(this.#options.party.signInUrl(secretsOf(secret), asked))
    if (isRefusal(to)) return to
    const value = `${secret}.${Buffer.from(page).toString('base64url')}`
    // Lax, for the issuer's site sends the browser back.
    return { to, cookies: [hostCookie(attemptCookie, value, { site: 'Lax', seconds: attemptSeconds })] }
  }

  /** Takes somebody back from the issuer. Only people of a directory who signed in just now get a session. */
  async finish(query: string, headers: IncomingHttpHeaders): Promise<Onward | Refusal> {
    const { pool, party, assurance } = this.#options
    const [secret, page] = readAttempt(cookiesOf(headers).get(`__Host-${attemptCookie}`))
    if (secret === undefined || page === undefined) return refuse('token_invalid')
    const signedIn = await unlessAway(party.signedIn(query, secretsOf(secret)))
    if (isRefusal(signedIn)) return signedIn
    if (signedIn === undefined || !isFresh(signedIn.authTime)) return refuse('token_invalid')
    const person = await personOf(pool, signedIn)
    if (person === undefined) return refuse('person_inactive')
    const { tenantId, subjectId } = person
    const session = await openSession(pool, { tenantId, person: subjectId, ...signInProof(assurance, signedIn) })
    return {
      to: page,
      cookies: [
        hostCookie(attemptCookie, '', { site: 'Lax', seconds: 0 }),
        hostCookie(sessionCookie, session.secret, { site: 'Strict', seconds: sessionSeconds }),
      ],
    }
  }

  /** Who is signed in on the page that sent this request. */
  session(headers: IncomingHttpHeaders): Promise<PageSession | undefined> {
    return findSession(this.#options.pool, cookiesOf(headers).get(`__Host-${sessionCookie}`))
  }
}

const unlessAway = async <T>(asked: Promise<T>): Promise<T | Refusal> => {
  try {
    return await asked
  } catch (error) {
    if (error instanceof IdentityProviderAway) return refuse('identity_provider_unavailable')
    throw error
  }
}

const secretsOf = (secret: string): SignInSecrets => {
  const derived = (what: string) =>
    createHmac('sha256', secret).update(`countersign/sign-in/v1/${what}`).digest('base64url')
  return { state: derived('state'), nonce: derived('nonce'), codeVerifier: derived('code-verifier') }
}

const readAttempt = (cookie = ''): readonly [secret?: string, page?: string] => {
  const [, secret, encoded] = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{1,200})$/.exec(cookie) ?? []
  const page = Buffer.from(encoded ?? '', 'base64url').toString('utf8')
  return secret !== undefined && isOwnPage(page) ? [secret, page] : []
}

/** An issuer that sends somebody back without having asked them has not signed them in for us. */
const isFresh = (authTime: number | undefined): boolean =>
  authTime !== undefined && Math.abs(Date.now() / 1_000 - authTime) <= attemptSeconds
