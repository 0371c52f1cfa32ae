import type { JWTPayload } from 'jose'

/** Somebody at an issuer; only the pair is unique (OpenID Connect Core 1.0 §5.7). */
export type Principal = { readonly issuer: string; readonly subject: string }

/** Who a verified access token speaks for. */
export type Identity = Principal & {
  readonly clientId: string
  /** `client`: a program acting as itself. It is never a human, whatever else the token says. */
  readonly kind: 'person' | 'client'
  /** When the person signed in, in seconds since 1970 (`auth_time`). */
  readonly authTime?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  /** Who acts for the subject, the current actor first (RFC 8693 §4.1). Empty if the subject acts itself. */
  readonly actorChain: readonly Principal[]
}

/**
 * Whether a token speaks for a person and nobody else acts with it. Whatever only a human may do asks for this: a program
 * with a delegated token (RFC 8693 `act`) is the program.
 */
export const isHuman = ({ kind, actorChain }: Identity): boolean => kind === 'person' && actorChain.length === 0

const MAX_ACTORS = 8
// OpenID Connect Core 1.0 §2: at most 255 ASCII characters; no control characters, they go to logs and cards.
const NAME = /^[\x20-\x7e]{1,255}$/

/** Reads the identity from the claims of a token whose signature, issuer and times are verified. `undefined`: refuse. */
export function readIdentity(issuer: string, claims: JWTPayload): Identity | undefined {
  const { sub, auth_time: authTime, acr, amr } = claims
  const clientId = clientIn(claims)
  if (!isName(sub) || !isName(clientId)) return undefined
  if (authTime !== undefined && !Number.isSafeInteger(authTime)) return undefined
  if (acr !== undefined && !isName(acr)) return undefined
  if (amr !== undefined && !(Array.isArray(amr) && amr.every(isName))) return undefined
  const actorChain = readActors(claims.act, { issuer, subject: sub })
  if (!actorChain) return undefined
  return {
    issuer,
    subject: sub,
    clientId,
    kind: sub === clientId || saysClient(claims) ? 'client' : 'person',
    ...(authTime !== undefined && { authTime: authTime as number }),
    ...(acr !== undefined && { acr }),
    ...(amr !== undefined && { amr: amr as string[] }),
    actorChain,
  }
}

/** `client_id` (RFC 9068), or `azp`, by which some providers name the client instead; undefined when the two differ. */
function clientIn({ client_id: clientId, azp }: JWTPayload): unknown {
  if (clientId !== undefined && azp !== undefined && clientId !== azp) return undefined
  return clientId ?? azp
}

/**
 * Providers that give a program another subject than its client id say elsewhere that it is one: Auth0 `gty`, Microsoft
 * Entra `idtyp`, Keycloak the service account's name and the address it asked from. Without this an agent would pass for a
 * reviewer. A token with `azp` alone is a person's only if it says when they signed in: a program never did.
 */
function saysClient(claims: JWTPayload): boolean {
  const { gty, idtyp, preferred_username: username } = claims
  if (gty === 'client-credentials' || idtyp === 'app') return true
  if (claims['clientHost'] !== undefined || claims['clientAddress'] !== undefined) return true
  if (claims['client_id'] === undefined && claims['auth_time'] === undefined) return true
  return typeof username === 'string' && username.startsWith('service-account-')
}

/** A chain that is malformed, deeper than 8 or names somebody twice is refused as a whole. */
function readActors(outermost: unknown, subject: Principal): Principal[] | undefined {
  const chain: Principal[] = []
  const seen = new Set([key(subject)])
  for (let act = outermost; act !== undefined; ) {
    if (typeof act !== 'object' || act === null || chain.length === MAX_ACTORS) return undefined
    const { sub, iss = subject.issuer, act: next } = act as { sub?: unknown; iss?: unknown; act?: unknown }
    if (!isName(sub) || !isName(iss)) return undefined
    const actor = { issuer: iss, subject: sub }
    if (seen.has(key(actor))) return undefined
    seen.add(key(actor))
    chain.push(actor)
    act = next
  }
  return chain
}

function key({ issuer, subject }: Principal): string {
  return JSON.stringify([issuer, subject])
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value)
}
