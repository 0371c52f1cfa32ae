import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isRefusal, type Refusal, refuse } from '@countersign/contracts'
import { personOf } from '@countersign/event-store'
import type pg from 'pg'
import { type AssuranceRules, signInProof } from '../assurance.ts'
import { cookiesOf, hostCookie } from '../show-page/own-form.ts'
import { endSession, findSession, newSecret, openSession, type PageSession, sessionSeconds } from './page-sessions.ts'
import type { RelyingParties } from './relying-parties.ts'
import { IdentityProviderAway, type SignInSecrets } from './relying-party.ts'

const attemptCookie = 'countersign-sign-in'
const sessionCookie = 'countersign-session'

/** How long signing in may take, and how old the sign-in that comes out of it may be. */
const attemptSeconds = 600

/** Pages to which a sign-in may lead. */
const ownPage = /^\/me\/(link|verdict)\/[A-Za-z0-9_-]{43}$|^\/me\/keys$/

export const isOwnPage = (path: string): boolean => ownPage.test(path)

/** A browser that goes on somewhere, and the cookies with which it does. */
export type Onward = { readonly to: string; readonly cookies: readonly string[] }

/** The issuers of which one has to be chosen. */
export type Choice = { readonly issuers: readonly string[] }

export type Asked = {
  /** Undefined where the person has not chosen. */
  readonly issuer: string | undefined
  readonly surely: boolean
}

export type SignInOptions = {
  readonly pool: pg.Pool
  readonly parties: RelyingParties
  readonly assurance: AssuranceRules
}

/**
 * Signs people in on pages. What a sign-in must prove to be the one that this browser began (state, nonce, PKCE verifier)
 * comes from one secret in a cookie, so nothing is written for somebody who has not signed in.
 */
export class SignIn {
  readonly #options: SignInOptions

  constructor(options: SignInOptions) {
    this.#options = options
  }

  /** Begins a sign-in that leads back to a page of ours. Where several issuers could sign in and none is named, they are the answer. */
  async begin(page: string, { issuer, surely }: Asked): Promise<Onward | Choice | Refusal> {
    if (!isOwnPage(page)) return refuse('invalid_request', { pointer: '/page' })
    const { parties } = this.#options
    const issuers = parties.issuers()
    if (issuer === undefined && issuers.length > 1) return { issuers }
    const chosen = issuer ?? issuers[0]
    const party = chosen === undefined ? undefined : parties.at(chosen)
    if (chosen === undefined || party === undefined) return refuse('invalid_request', { pointer: '/issuer' })
    const secret = newSecret()
    const to = await unlessAway(party.signInUrl(secretsOf(secret, chosen), { surely }))
    if (isRefusal(to)) return to
    const value = [secret, encoded(page), encoded(chosen)].join('.')
    // Lax, for the issuer's site sends the browser back.
    return { to, cookies: [hostCookie(attemptCookie, value, { site: 'Lax', seconds: attemptSeconds })] }
  }

  /** Takes somebody back from the issuer. Only people of a directory who signed in just now get a session. */
  async finish(query: string, headers: IncomingHttpHeaders): Promise<Onward | Refusal> {
    const { pool, parties, assurance } = this.#options
    const attempt = readAttempt(cookiesOf(headers).get(`__Host-${attemptCookie}`))
    const party = attempt === undefined ? undefined : parties.at(attempt.issuer)
    if (attempt === undefined || party === undefined) return refuse('token_invalid')
    const { secret, page, issuer } = attempt
    const signedIn = await unlessAway(party.signedIn(query, secretsOf(secret, issuer)))
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

  /** Ends a session; the cookies with which the browser forgets it. */
  async end(session: PageSession): Promise<readonly string[]> {
    await endSession(this.#options.pool, session)
    return [hostCookie(sessionCookie, '', { site: 'Strict', seconds: 0 })]
  }

  /** Who is signed in on the page that sent this request. */
  session(headers: IncomingHttpHeaders): Promise<PageSession | undefined> {
    return sessionOf(this.#options.pool, headers)
  }
}

/** Who is signed in on the page that sent a request. */
export const sessionOf = (pool: pg.Pool, headers: IncomingHttpHeaders): Promise<PageSession | undefined> =>
  findSession(pool, cookiesOf(headers).get(`__Host-${sessionCookie}`))

const unlessAway = async <T>(asked: Promise<T>): Promise<T | Refusal> => {
  try {
    return await asked
  } catch (error) {
    if (error instanceof IdentityProviderAway) return refuse('identity_provider_unavailable')
    throw error
  }
}

/** Of this attempt at this issuer alone: what another one sends back fits none of them. */
const secretsOf = (secret: string, issuer: string): SignInSecrets => {
  const derived = (what: string) =>
    createHmac('sha256', secret).update(`countersign/sign-in/v2/${what}/${issuer}`).digest('base64url')
  return { state: derived('state'), nonce: derived('nonce'), codeVerifier: derived('code-verifier') }
}

const encoded = (text: string): string => Buffer.from(text).toString('base64url')
const decoded = (text = ''): string => Buffer.from(text, 'base64url').toString('utf8')

type Attempt = { readonly secret: string; readonly page: string; readonly issuer: string }

const readAttempt = (cookie = ''): Attempt | undefined => {
  const [, secret, ...rest] = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9_-]{1,700})$/.exec(cookie) ?? []
  const [page, issuer] = [decoded(rest[0]), decoded(rest[1])]
  return secret !== undefined && isOwnPage(page) ? { secret, page, issuer } : undefined
}

/** An issuer that sends somebody back without having asked them has not signed them in for us. */
const isFresh = (authTime: number | undefined): boolean =>
  authTime !== undefined && Math.abs(Date.now() / 1_000 - authTime) <= attemptSeconds
