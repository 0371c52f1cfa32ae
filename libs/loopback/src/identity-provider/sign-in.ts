import { createHash, randomBytes } from 'node:crypto'
import { startBrowser } from './browser.ts'
import { CLI_REDIRECT_URI } from './clients.ts'

type SignIn = {
  readonly issuer: string
  /** A public client, of kind `cli` or `web`. */
  readonly clientId: string
  /** E-mail or subject. */
  readonly username: string
  readonly password: string
  /** Resource indicator; the provider's default if absent. */
  readonly audience?: string
  /** For a `web` client one of its redirect URIs. */
  readonly redirectUri?: string
}

type ClientToken = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly audience?: string
}

type Metadata = { authorization_endpoint: string; token_endpoint: string; device_authorization_endpoint: string }

/**
 * Signs a person in as a browser would (RFC 6749 §4.1 with PKCE, RFC 7636) and returns the access token.
 * @throws if login or password is wrong, or the provider refuses the client.
 */
export async function signIn(request: SignIn): Promise<string> {
  const redirectUri = request.redirectUri ?? CLI_REDIRECT_URI
  const { authorization_endpoint, token_endpoint } = await discover(request.issuer)
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: request.clientId,
    redirect_uri: redirectUri,
    scope: 'openid',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...resource(request.audience),
  })
  const browser = startBrowser()
  const form = await browser.open(`${authorization_endpoint}?${query.toString()}`, redirectUri)
  const answer = form.url.startsWith(redirectUri)
    ? form
    : await browser.submit(form, { login: request.username, password: request.password }, redirectUri)
  const result = new URL(answer.url).searchParams
  const code = result.get('code')
  if (code === null || result.get('state') !== state) {
    throw new Error(`Sign-in at ${request.issuer} failed: ${result.get('error') ?? `status ${answer.status}`}`)
  }
  return requestToken(token_endpoint, {
    grant_type: 'authorization_code',
    client_id: request.clientId,
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  })
}

/** Gets a token for an agent or executor by client credentials (RFC 6749 §4.4). @throws if the provider refuses. */
export async function clientToken({ issuer, clientId, clientSecret, audience }: ClientToken): Promise<string> {
  const { token_endpoint } = await discover(issuer)
  const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
  return requestToken(
    token_endpoint,
    { grant_type: 'client_credentials', ...resource(audience) },
    { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
  )
}

/** Endpoints by OpenID Connect Discovery 1.0 §4. */
export async function discover(issuer: string): Promise<Metadata> {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`)
  if (!response.ok) throw new Error(`${issuer} answers its discovery document with ${response.status}`)
  return (await response.json()) as Metadata
}

async function requestToken(
  endpoint: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await fetch(endpoint, { method: 'POST', headers, body: new URLSearchParams(fields) })
  const body = (await response.json()) as { access_token?: string; error?: string }
  if (body.access_token === undefined) throw new Error(`No token from ${endpoint}: ${body.error ?? response.status}`)
  return body.access_token
}

function resource(audience: string | undefined): { resource?: string } {
  return audience === undefined ? {} : { resource: audience }
}
