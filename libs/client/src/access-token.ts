import { Unreachable } from './errors.ts'

/** How a client gets its OAuth access tokens. */
export type TokenSource = () => Promise<string>

export type ClientCredentials = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly audience: string
}

type TokenAnswer = { access_token?: unknown; expires_in?: unknown }

const patienceMs = 10_000

/**
 * Access tokens by the client-credentials grant (RFC 6749 §4.4) for one resource (RFC 8707), reused until 30 s before they
 * end. Callers that ask at the same time share one request.
 */
export const clientCredentials = (credentials: ClientCredentials): TokenSource => {
  let held: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined

  const ask = async (): Promise<string> => {
    const { issuer, clientId, clientSecret, audience } = credentials
    const { token_endpoint: endpoint } = await fetchJson<{ token_endpoint: string }>(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    )
    const credential = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
    const { access_token: token, expires_in: seconds } = await fetchJson<TokenAnswer>(endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(credential).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
    })
    if (typeof token !== 'string') throw new Error('the identity provider sent no access token')
    held = { token, until: Date.now() + (typeof seconds === 'number' ? seconds : 60) * 1000 - 30_000 }
    return token
  }

  return async () => {
    if (held !== undefined && Date.now() < held.until) return held.token
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

const fetchJson = async <Body>(url: string, init: RequestInit = {}): Promise<Body> => {
  let answer: Response
  try {
    answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(patienceMs) })
  } catch (error) {
    throw new Unreachable(`the identity provider at ${new URL(url).origin} did not answer`, error)
  }
  if (!answer.ok) throw new Error(`the identity provider answered ${answer.status} at ${new URL(url).pathname}`)
  return (await answer.json()) as Body
}
