import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { type Identity, readIdentity } from './identity.ts'
import { KeysUnavailable, keySource, requireSecure } from './key-source.ts'
import { VerifiedTokens } from './verified-tokens.ts'

/** Of whom an issuer may speak: only of people, only of programs, or of both. */
export type SpeaksFor = 'people' | 'agents' | 'both'

/** An issuer whose tokens are taken. */
export type TrustedIssuer = {
  /** Exact value of `iss`; https, or http on this machine. */
  readonly issuer: string
  /** What `aud` must name: this service. */
  readonly audience: string
  /** Where the keys are; from the issuer's discovery document if absent. */
  readonly jwksUri?: string
  /** `both` if absent. A token of an issuer that speaks for agents only is never a person's. */
  readonly speaksFor?: SpeaksFor
  /**
   * Its tokens name workloads and are no access tokens after RFC 9068, as those of Kubernetes or of a CI system: `typ` is
   * `JWT` or absent, and without `client_id` the subject is the client. Only for an issuer that speaks for agents: an ID token
   * of a person looks the same.
   */
  readonly workload?: boolean
}

type Clock = {
  /** Accepted difference between the provider's clock and ours; 5 s if absent. */
  readonly clockToleranceMs?: number
  /** Milliseconds since 1970; the machine's clock if absent. */
  readonly now?: () => number
}

export type TokenVerifierOptions = Clock & (TrustedIssuer | { readonly issuers: readonly TrustedIssuer[] })

/** Codes of the refusal catalogue. */
export type TokenRefusal = 'token_missing' | 'token_invalid' | 'token_expired' | 'identity_provider_unavailable'
export type TokenVerification =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly code: TokenRefusal }
export type TokenVerifier = {
  /** @param bearer the value of the Authorization header, or the bare token */
  verify(bearer: string | undefined): Promise<TokenVerification>
  /**
   * Trusts these issuers from now on and no others. Of an issuer that stays as it was the keys stay too. @throws as making
   * a verifier does; those of before stay trusted then
   */
  trust(issuers: readonly TrustedIssuer[]): void
}

const MAX_BYTES = 8 * 1024
// How long a key that the issuer withdrew may still speak through a token seen before.
const KEEP_VERIFIED_MS = 10_000
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256']
// Headers that bring their own key or change what is signed (RFC 8725 §3.10, RFC 7797): the key is the issuer's, always.
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip']
const ACCESS_TOKEN = /^(application\/)?at\+jwt$/i
const PLAIN_TOKEN = /^((application\/)?at\+)?jwt$/i

/**
 * Verifies JWT access tokens (RFC 9068) of the issuers that are trusted: signature by one of the issuer's own keys with an
 * asymmetric algorithm, `typ` at+jwt, `kid`, `iss`, `aud`, `exp`, `nbf`, `sub`, `client_id` or `azp`. The issuer is the one whose name
 * the token has, compared exactly; no key, audience or right of one counts for another. What is wrong with a token is not
 * told apart beyond the code, and the token is in no message.
 * @throws if an issuer or key address is not secure, or the issuers contradict each other
 */
export function tokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { clockToleranceMs = 5000, now = Date.now } = options
  let verified = new VerifiedTokens(KEEP_VERIFIED_MS)
  let verifiers: ReadonlyMap<string, Trusted> = new Map()
  const trust = (issuers: readonly TrustedIssuer[]): void => {
    const next = new Map(
      issuers.map((issuer) => {
        const entry = JSON.stringify(issuer)
        const known = verifiers.get(issuer.issuer)
        const isKept = known?.entry === entry
        return [
          issuer.issuer,
          isKept ? known : { entry, verify: verifierOf(issuer, { clockToleranceMs, now }) },
        ] as const
      }),
    )
    if (next.size === 0 || next.size < issuers.length) throw new Error('each issuer is trusted once')
    verifiers = next
    // What was verified by an issuer that is trusted no more counts no more.
    verified = new VerifiedTokens(KEEP_VERIFIED_MS)
  }
  trust('issuers' in options ? options.issuers : [trustedOf(options)])
  return {
    trust,
    verify: async (bearer) => {
      const token = (bearer ?? '').replace(/^bearer +/i, '').trim()
      if (token === '') return refuse('token_missing')
      const known = verified.find(token, now())
      if (known !== undefined) return { ok: true, identity: known }
      if (!isAcceptable(token)) return refuse('token_invalid')
      const issuer = issuerIn(token)
      const by = verifiers.get(issuer)
      const answer = await by?.verify(token)
      // It may have been trusted no more meanwhile.
      if (answer === undefined || verifiers.get(issuer) !== by) return refuse('token_invalid')
      if (!('expiresAt' in answer)) return answer
      const { identity, expiresAt } = answer
      verified.remember(token, identity, { now: now(), expiresAt })
      return { ok: true, identity }
    },
  }
}

type Admitted = { readonly identity: Identity; readonly expiresAt: number }
type Verify = (token: string) => Promise<Admitted | Extract<TokenVerification, { ok: false }>>
/** An issuer as it was named, and what verifies its tokens. */
type Trusted = { readonly entry: string; readonly verify: Verify }

const trustedOf = ({ issuer, audience, jwksUri, speaksFor, workload }: TrustedIssuer): TrustedIssuer => ({
  issuer,
  audience,
  ...(jwksUri === undefined ? {} : { jwksUri }),
  ...(speaksFor === undefined ? {} : { speaksFor }),
  ...(workload === undefined ? {} : { workload }),
})

/** Verifies tokens of one issuer, with keys of its own. */
function verifierOf(trusted: TrustedIssuer, { clockToleranceMs, now }: Required<Clock>): Verify {
  const { issuer, audience, jwksUri, speaksFor = 'both', workload = false } = trusted
  requireSecure(issuer)
  if (jwksUri !== undefined) requireSecure(jwksUri)
  if (workload && speaksFor !== 'agents') throw new Error(`${issuer} names workloads, so it speaks for agents only`)
  const getKey = keySource({ issuer, jwksUri, now })
  const types = workload ? PLAIN_TOKEN : ACCESS_TOKEN

  return async (token) => {
    const { typ = workload ? 'JWT' : '' } = decodeProtectedHeader(token)
    if (!types.test(typ)) return refuse('token_invalid')
    try {
      const { payload } = await jwtVerify(token, getKey, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: clockToleranceMs / 1000,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'sub'],
      })
      // Bound to a key or certificate (RFC 7800 cnf): whoever only has the token must not get in, and nothing here asks for more.
      if ('cnf' in payload) return refuse('token_invalid')
      const claims = workload ? { ...payload, azp: undefined, client_id: payload['client_id'] ?? payload.sub } : payload
      const identity = readIdentity(issuer, claims)
      const admitted = identity === undefined ? undefined : asSpokenFor(identity, speaksFor)
      if (admitted === undefined) return refuse('token_invalid')
      return { identity: admitted, expiresAt: (payload.exp ?? 0) * 1000 }
    } catch (error) {
      if (error instanceof KeysUnavailable) return refuse('identity_provider_unavailable')
      if (error instanceof errors.JWTExpired) return refuse('token_expired')
      if (error instanceof errors.JOSEError || error instanceof TypeError) return refuse('token_invalid')
      throw error
    }
  }
}

/** The identity as far as its issuer may speak for it: whoever an issuer of agents names is a program. */
function asSpokenFor(identity: Identity, speaksFor: SpeaksFor): Identity | undefined {
  switch (speaksFor) {
    case 'agents':
      return { ...identity, kind: 'client' }
    case 'people':
      return identity.kind === 'person' ? identity : undefined
    default:
      return identity
  }
}

/** What can be told without a key. */
function isAcceptable(token: string): boolean {
  if (Buffer.byteLength(token) > MAX_BYTES) return false
  try {
    const header = decodeProtectedHeader(token)
    if (!ALGORITHMS.includes(header.alg ?? '') || FORBIDDEN_HEADERS.some((name) => name in header)) return false
    if (header.typ !== undefined && typeof header.typ !== 'string') return false
    return typeof header.kid === 'string' && header.kid !== ''
  } catch {
    return false
  }
}

/** Whose token it says it is; nothing is believed of it before it is verified by that issuer's keys. */
function issuerIn(token: string): string {
  try {
    const { iss } = decodeJwt(token)
    return typeof iss === 'string' ? iss : ''
  } catch {
    return ''
  }
}

function refuse(code: TokenRefusal): Extract<TokenVerification, { ok: false }> {
  return { ok: false, code }
}
