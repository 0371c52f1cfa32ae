import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'

const FRESH_MS = 10 * 60 * 1000
const USABLE_IN_OUTAGE_MS = 60 * 60 * 1000
const REFETCH_MS = 30 * 1000
const FIRST_FETCH_RETRY_MS = 1000
const FETCH_TIMEOUT_MS = 5000

/** The provider's keys can't be had, and none that are held may still be used. */
export class KeysUnavailable extends Error {
  constructor(issuer: string) {
    super(`The signing keys of ${issuer} can't be read`)
    this.name = 'KeysUnavailable'
  }
}

type Options = { readonly issuer: string; readonly jwksUri: string | undefined; readonly now: () => number }

/**
 * The signing keys of an issuer, fetched at first use and cached.
 *
 * They are fetched again in the background when older than 10 minutes, and for an unknown key id, in any case not more
 * than once in 30 s, whether the fetch succeeds or not. While the provider is out, keys serve for up to an hour after
 * they were fetched. Those two guarantees are why this is not jose's createRemoteJWKSet: that one drops its keys when
 * a refresh fails, and fetches at every unknown key id while fetches fail.
 * @returns a key resolver for `jwtVerify`; it throws `KeysUnavailable`, or jose's `JWKSNoMatchingKey`
 */
export function keySource({ issuer, jwksUri, now }: Options): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let attemptedAt = Number.NEGATIVE_INFINITY
  let failed = false
  let fetching: Promise<void> | undefined

  const mayFetch = () => now() - attemptedAt >= (keys ? REFETCH_MS : FIRST_FETCH_RETRY_MS)
  const fetchKeys = async (): Promise<void> => {
    attemptedAt = now()
    try {
      keys = createLocalJWKSet(await readJson<JSONWebKeySet>(jwksUri ?? (await discoverJwksUri(issuer))))
      fetchedAt = attemptedAt
      failed = false
    } catch {
      failed = true
    } finally {
      fetching = undefined
    }
  }
  const refresh = () => (fetching ??= fetchKeys())

  return async (header, token) => {
    if (!keys || now() - fetchedAt >= USABLE_IN_OUTAGE_MS) {
      if (fetching || mayFetch()) await refresh()
    } else if (now() - fetchedAt >= FRESH_MS && mayFetch()) {
      void refresh()
    }
    if (!keys || now() - fetchedAt >= USABLE_IN_OUTAGE_MS) throw new KeysUnavailable(issuer)
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (fetching || mayFetch()) await refresh()
      // The key may be a new one that only the provider could confirm: not known is not the same as wrong.
      if (failed) throw new KeysUnavailable(issuer)
      return keys(header, token)
    }
  }
}

/** OpenID Connect Discovery 1.0 §4.3: the document must name the issuer it was asked for. */
async function discoverJwksUri(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const metadata = await readJson<{ issuer?: unknown; jwks_uri?: unknown }>(address)
  if (metadata.issuer !== issuer || typeof metadata.jwks_uri !== 'string') {
    throw new Error(`The discovery document of ${issuer} is not its own`)
  }
  return requireSecure(metadata.jwks_uri)
}

/** @returns the URL. @throws unless it is https, or http on this machine */
export function requireSecure(address: string): string {
  const { protocol, hostname } = new URL(address)
  const local = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
  if (protocol === 'https:' || (protocol === 'http:' && local)) return address
  throw new Error(`${address} is not an https URL`)
}

async function readJson<Body>(address: string): Promise<Body> {
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!response.ok) throw new Error(`${address} answers ${response.status}`)
  return (await response.json()) as Body
}
