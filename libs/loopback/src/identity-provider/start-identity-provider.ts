import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JWK } from 'jose'
import Provider from 'oidc-provider'
import { PAGE_HEADERS } from '../html.ts'
import { isOwnOrigin, listenOnLoopback, type Reach, readBody } from '../loopback-server.ts'
import type { LoopbackClient } from './clients.ts'
import { signInPage } from './pages.ts'
import { assuranceOf, authenticator, type LoopbackPerson } from './people.ts'
import { providerSettings } from './provider-settings.ts'
import { signingKeys } from './signing-key.ts'

export type IdentityProviderOptions = {
  /** TCP port on 127.0.0.1; 0 picks a free one. Tokens survive a restart only if the port stays, as it is in the issuer. */
  readonly port: number
  /** Host name in the issuer URL; it listens on 127.0.0.1 whatever the name. */
  readonly issuerHost?: '127.0.0.1' | 'localhost'
  readonly reach?: Reach
  readonly people: readonly LoopbackPerson[]
  readonly clients: readonly LoopbackClient[]
  /** Absolute URIs (RFC 8707 §2) that tokens may be for; the first is the default. */
  readonly audience: string | readonly [string, ...string[]]
  /** Where the signing key is kept (0600); without it there is a new key per start. */
  readonly signingKeyFile?: string
  /** Private signing keys (ES256), instead of a file. */
  readonly jwks?: { readonly keys: JWK[] }
  /** Life of an access token; an hour if absent. */
  readonly accessTokenSeconds?: number
  /** Told about failures of the provider itself; without it they become process warnings. */
  readonly onError?: (error: Error) => void
}

export type IdentityProvider = { readonly issuer: string; readonly jwksUri: string; stop(): Promise<void> }

/**
 * A real OpenID Connect provider on this machine for demo and tests: code flow with PKCE and device flow (RFC 8628) for
 * people, client credentials for agents and executors. Access tokens are JWTs after RFC 9068, signed with ES256.
 * @throws if a person's subject is also a client id: their tokens could not be told apart.
 */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { people, clients } = options
  const clash = people.find(({ sub }) => clients.some(({ clientId }) => clientId === sub))
  if (clash) throw new Error(`${clash.sub} is both a person and a client`)
  const audiences: readonly [string, ...string[]] =
    typeof options.audience === 'string' ? [options.audience] : options.audience
  for (const audience of audiences) if (!URL.canParse(audience)) throw new Error(`${audience} is not an absolute URI`)

  const jwks = options.jwks ?? (await signingKeys(options.signingKeyFile))
  const server = await listenOnLoopback({
    port: options.port,
    hostname: options.issuerHost,
    reach: options.reach,
  })
  const accessTokenSeconds = options.accessTokenSeconds ?? 3600
  const provider = new Provider(
    server.origin,
    providerSettings({ people, clients, audiences, accessTokenSeconds, jwks }),
  )
  const onError = options.onError ?? ((error: Error) => process.emitWarning(error))
  provider.on('server_error', (_ctx, error) => onError(error))
  const callback = provider.callback()
  const signIn = signInHandler(provider, authenticator(people), server.origin)
  server.handle((request, response) => {
    if (!request.url?.startsWith('/interaction/')) {
      void callback(request, response)
      return
    }
    signIn(request, response).catch((error: Error) => {
      // Nothing but an expired or foreign interaction is expected here; the person starts again.
      if (error.name !== 'SessionNotFound') onError(error)
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'text/plain' })
      response.end('This sign-in is over. Go back and start again.\n')
    })
  })
  return { issuer: server.origin, jwksUri: `${server.origin}/jwks`, stop: () => server.close() }
}

function signInHandler(provider: Provider, authenticate: ReturnType<typeof authenticator>, origin: string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { uid, params } = await provider.interactionDetails(request, response)
    const show = (status: number, refused?: { login: string }) =>
      response.writeHead(status, PAGE_HEADERS).end(signInPage(uid, String(params.client_id), refused))
    if (request.method === 'GET') {
      show(200)
      return
    }
    if (request.method !== 'POST' || !isOwnOrigin(request, origin)) {
      response.writeHead(405).end()
      return
    }
    const form = new URLSearchParams(await readBody(request))
    const login = form.get('login') ?? ''
    const person = authenticate(login, form.get('password') ?? '')
    if (!person) {
      show(401, { login })
      return
    }
    const result = { login: { accountId: person.sub, ...assuranceOf(person) } }
    await provider.interactionFinished(request, response, result)
  }
}
