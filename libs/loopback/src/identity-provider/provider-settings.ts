import { randomBytes } from 'node:crypto'
import type { JWK } from 'jose'
import { type AccessToken, type ClientCredentials, type Configuration, errors, interactionPolicy } from 'oidc-provider'
import { html, Markup } from '../html.ts'
import { clientMetadata, type LoopbackClient } from './clients.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { deviceCodePage, deviceConfirmPage, sendPage } from './pages.ts'
import { assuranceOf, type LoopbackPerson } from './people.ts'

export type ProviderContent = {
  readonly people: readonly LoopbackPerson[]
  readonly clients: readonly LoopbackClient[]
  /** Resource indicators (RFC 8707) that tokens may be for; the first is meant when a request names none. */
  readonly audiences: readonly [string, ...string[]]
  readonly accessTokenSeconds: number
  readonly jwks: { readonly keys: JWK[] }
}

/**
 * Everything the provider would otherwise warn about is set here, so its warnings need no hiding: what it still prints is
 * worth reading.
 */
export function providerSettings(content: ProviderContent): Configuration {
  const { people, clients, audiences, accessTokenSeconds, jwks } = content
  const policy = interactionPolicy.base()
  // The people of the stand-in never have to consent: its clients are the product's own.
  policy.remove('consent')
  return {
    adapter: memoryAdapter(),
    jwks: jwks as NonNullable<Configuration['jwks']>,
    clients: clients.map(clientMetadata),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    cookies: { keys: [randomBytes(32)] },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    // How somebody signed in is in every ID token, as most providers have it or can be told to.
    claims: { openid: ['sub', 'auth_time', 'acr', 'amr'], profile: ['name'], email: ['email', 'email_verified'] },
    acrValues: [...new Set(people.map((person) => assuranceOf(person).acr))],
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    findAccount: (_ctx, sub) => {
      const person = people.find((candidate) => candidate.sub === sub)
      if (!person) return undefined
      const { name, email } = person
      return { accountId: sub, claims: () => ({ sub, name, email, email_verified: true }) }
    },
    loadExistingGrant: async (ctx) => {
      const { client, session, provider, params } = ctx.oidc
      if (!client || !session?.accountId) return undefined
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
      if (typeof params?.scope === 'string') grant.addOIDCScope(params.scope)
      await grant.save()
      return grant
    },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    extraTokenClaims: (ctx, token) => personClaims(ctx.oidc.entities, token),
    interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      AuthorizationCode: 60,
      DeviceCode: 10 * 60,
      IdToken: 60 * 60,
      Interaction: 60 * 60,
      RefreshToken: 24 * 60 * 60,
      Session: 24 * 60 * 60,
      Grant: 24 * 60 * 60,
    },
    renderError: (ctx, out) => {
      sendPage(ctx, 'Sign-in failed', html`<p role="alert">${out.error}: ${out.error_description ?? ''}</p>`)
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, _form, _out, error) => deviceCodePage(ctx, error !== undefined),
        userCodeConfirmSource: (ctx, _form, client, _device, userCode) =>
          deviceConfirmPage(ctx, client.clientId, userCode),
        successSource: (ctx) =>
          sendPage(ctx, 'Signed in', html`<p>Go back to the device; this page can be closed.</p>`),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) =>
          sendPage(
            ctx,
            'Sign out?',
            // The form is the provider's own markup, with its secret in it.
            html`${new Markup(form)}<button class="primary" type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
          ),
        postLogoutSuccessSource: (ctx) => sendPage(ctx, 'Signed out', html`<p>This page can be closed.</p>`),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf?.[0] ?? audiences[0],
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          if (!audiences.includes(resource)) throw new errors.InvalidTarget()
          return { scope: '', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }
        },
      },
    },
  }
}

type Entities = { AuthorizationCode?: Source; DeviceCode?: Source; RefreshToken?: Source }
type Source = { authTime?: number; acr?: string; amr?: string[] } | undefined

/** RFC 9068 §2.2.1: how and when the person signed in; a client acting as itself has none of it. */
function personClaims(entities: object, token: AccessToken | ClientCredentials): Record<string, unknown> | undefined {
  if (token.kind !== 'AccessToken') return undefined
  const { AuthorizationCode, DeviceCode, RefreshToken } = entities as Entities
  const source = AuthorizationCode ?? DeviceCode ?? RefreshToken
  return { auth_time: source?.authTime, acr: source?.acr, amr: source?.amr }
}
