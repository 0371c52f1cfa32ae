/** How a client gets its OAuth access tokens. */
export type TokenSource = () => Promise<string>

export type ClientCredentials = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly audience: string
}

type TokenAnswer = { access_token?: unknown; expires_in?: unknown }

/**
 * Access tokens by the client-credentials grant (RFC 6749 §4.4) for one resource (RFC 8707), reused until 30 s before they
 * end. Callers that ask at the same time share one request.
 */
export const clientCredentials = (credentials: ClientCredentials): TokenSource => {
  let held: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined

  const ask = async (): Promise<string> => {
    const { issuer, clientId, clientSecret, audience } = credentials
    const discovery = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    if (!discovery.ok) throw new Error(`the identity provider answered ${discovery.status} to discovery`)
    const { token_endpoint: endpoint } = (await discovery.json()) as { token_endpoint: string }
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
    })
    if (!answer.ok) throw new Error(`the identity provider answered ${answer.status} to the token request`)
    const { access_token: token, expires_in: seconds } = (await answer.json()) as TokenAnswer
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
