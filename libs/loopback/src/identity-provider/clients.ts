import type { ClientMetadata } from 'oidc-provider'

/** A program that gets tokens. Agents and executors act as themselves, the others for a person who signs in. */
export type LoopbackClient =
  | { readonly kind: 'agent' | 'executor'; readonly clientId: string; readonly clientSecret: string }
  /** Public: device flow, and code flow with any port on 127.0.0.1 at `/callback` (RFC 8252 §7.3). */
  | { readonly kind: 'cli'; readonly clientId: string }
  /** A web app; without a secret it is public and PKCE is what protects the code. */
  | {
      readonly kind: 'web'
      readonly clientId: string
      readonly clientSecret?: string
      readonly redirectUris: readonly string[]
      readonly postLogoutRedirectUris?: readonly string[]
    }

/** Where `signIn` lets the code flow of a `cli` client end. */
export const CLI_REDIRECT_URI = 'http://127.0.0.1/callback'

/** The client as OpenID Connect Dynamic Client Registration 1.0 §2 describes it. */
export function clientMetadata(client: LoopbackClient): ClientMetadata {
  switch (client.kind) {
    case 'agent':
    case 'executor':
      return {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      }
    case 'cli':
      return {
        client_id: client.clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: [CLI_REDIRECT_URI],
      }
    case 'web':
      return {
        client_id: client.clientId,
        ...(client.clientSecret === undefined
          ? { token_endpoint_auth_method: 'none' as const }
          : { client_secret: client.clientSecret }),
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [...client.redirectUris],
        post_logout_redirect_uris: [...(client.postLogoutRedirectUris ?? [])],
      }
  }
}
