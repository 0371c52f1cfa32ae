import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { type Identity, readIdentity } from './identity.ts'
import { KeysUnavailable, keySource, requireSecure } from './key-source.ts'
import { VerifiedTokens } from './verified-tokens.ts'

export type TokenVerifierOptions = {
  /** Exact value of `iss`; https, or http on this machine. */
  readonly issuer: string
  /** What `aud` must name: this service. */
  readonly audience: string
  /** Where the keys are; from the issuer's discovery document if absent. */
  readonly jwksUri?: string
  /** Accepted difference between the provider's clock and ours; 5 s if absent. */
  readonly clockToleranceMs?: number
  /** Milliseconds since 1970; the machine's clock if absent. */
  readonly now?: () => number
}

/** Codes of the refusal catalogue. */
export type TokenRefusal = 'token_missing' | 'token_invalid' | 'token_expired' | 'identity_provider_unavailable'
export type TokenVerification =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly code: TokenRefusal }
export type TokenVerifier = {
  /** @param bearer the value of the Authorization header, or the bare token */
  verify(bearer: string | undefined): Promise<TokenVerification>
}

const MAX_BYTES = 8 * 1024
// How long a key that the issuer withdrew may still speak through a token seen before.
const KEEP_VERIFIED_MS = 10_000
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256']
// Headers that bring their own key or change what is signed (RFC 8725 §3.10, RFC 7797): the key is the issuer's, always.
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip']

/**
 * Verifies JWT access tokens (RFC 9068) of one issuer: signature by one of the issuer's keys with an asymmetric
 * algorithm, `typ` at+jwt, `kid`, `iss`, `aud`, `exp`, `nbf`, `sub`, `client_id`. What is wrong with a token is not told
 * apart beyond the code, and the token is in no message.
 * @throws if issuer or key address are not secure
 */
export function tokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, jwksUri, clockToleranceMs = 5000, now = Date.now } = options
  requireSecure(issuer)
  if (jwksUri !== undefined) requireSecure(jwksUri)
  const getKey = keySource({ issuer, jwksUri, now })
  const verified = new VerifiedTokens(KEEP_VERIFIED_MS)

  return {
    verify: async (bearer) => {
      const token = (bearer ?? '').replace(/^bearer +/i, '').trim()
      if (token === '') return refuse('token_missing')
      const known = verified.find(token, now())
      if (known !== undefined) return { ok: true, identity: known }
      if (!isAcceptable(token)) return refuse('token_invalid')
      try {
        const { payload } = await jwtVerify(token, getKey, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          typ: 'at+jwt',
          clockTolerance: clockToleranceMs / 1000,
          currentDate: new Date(now()),
          requiredClaims: ['exp', 'sub', 'client_id'],
        })
        const identity = readIdentity(issuer, payload)
        if (identity === undefined) return refuse('token_invalid')
        verified.remember(token, identity, { now: now(), expiresAt: (payload.exp ?? 0) * 1000 })
        return { ok: true, identity }
      } catch (error) {
        if (error instanceof KeysUnavailable) return refuse('identity_provider_unavailable')
        if (error instanceof errors.JWTExpired) return refuse('token_expired')
        if (error instanceof errors.JOSEError || error instanceof TypeError) return refuse('token_invalid')
        throw error
      }
    },
  }
}

/** What can be told without a key. */
function isAcceptable(token: string): boolean {
  if (Buffer.byteLength(token) > MAX_BYTES) return false
  try {
    const header = decodeProtectedHeader(token)
    if (!ALGORITHMS.includes(header.alg ?? '') || FORBIDDEN_HEADERS.some((name) => name in header)) return false
    return typeof header.kid === 'string' && header.kid !== ''
  } catch {
    return false
  }
}

function refuse(code: TokenRefusal): TokenVerification {
  return { ok: false, code }
}
