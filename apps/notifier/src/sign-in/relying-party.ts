import * as client from 'openid-client'

export type RelyingPartyOptions = {
  readonly issuer: string
  readonly clientId: string
  /** A client without one is public; PKCE is what protects its code. */
  readonly clientSecret: string | undefined
  readonly redirectUri: string
  /** Asked for where a sign-in with several factors is wanted. */
  readonly acrValues: readonly string[]
}

/** What only the browser that began a sign-in can know. */
export type SignInSecrets = { readonly state: string; readonly nonce: string; readonly codeVerifier: string }

/** Who signed in, as the issuer's ID token says. */
export type SignedIn = {
  readonly issuer: string
  readonly subject: string
  readonly authTime?: number
  readonly acr?: string
  readonly amr?: readonly string[]
}

/** The identity provider could not be asked. */
export class IdentityProviderAway extends Error {
  constructor(cause: unknown) {
    super('the identity provider cannot be reached', { cause })
    this.name = 'IdentityProviderAway'
  }
}

const timeoutSeconds = 5
const onThisMachine = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** OpenID Connect's authorization code flow with PKCE, state and nonce, at one issuer. */
export class RelyingParty {
  readonly #options: RelyingPartyOptions
  #configuration: Promise<client.Configuration> | undefined

  constructor(options: RelyingPartyOptions) {
    this.#options = options
  }

  /** Address at the issuer where the person signs in anew, whether or not they are signed in there already. */
  async signInUrl({ state, nonce, codeVerifier }: SignInSecrets, { surely }: { surely: boolean }): Promise<string> {
    const { redirectUri, acrValues } = this.#options
    const url = client.buildAuthorizationUrl(await this.#configured(), {
      redirect_uri: redirectUri,
      scope: 'openid',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      prompt: 'login',
      max_age: '0',
      ...(surely && acrValues.length > 0 ? { acr_values: acrValues.join(' ') } : {}),
    })
    return url.href
  }

  /** Who signed in, by the query with which the issuer sent them back; undefined when it proves nobody. */
  async signedIn(query: string, { state, nonce, codeVerifier }: SignInSecrets): Promise<SignedIn | undefined> {
    const configuration = await this.#configured()
    try {
      const answered = new URL(`${this.#options.redirectUri}?${query}`)
      const tokens = await client.authorizationCodeGrant(configuration, answered, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      return claims === undefined ? undefined : signedInBy(claims)
    } catch (error) {
      if (isAway(error)) throw new IdentityProviderAway(error)
      return undefined
    }
  }

  /** Discovered at first use; a failure is not kept. */
  #configured(): Promise<client.Configuration> {
    this.#configuration ??= this.#discover().catch((error: unknown) => {
      this.#configuration = undefined
      throw new IdentityProviderAway(error)
    })
    return this.#configuration
  }

  #discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.#options
    const url = new URL(issuer)
    const authentication = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret)
    return client.discovery(url, clientId, undefined, authentication, {
      timeout: timeoutSeconds,
      execute: [
        client.enableNonRepudiationChecks,
        ...(onThisMachine.has(url.hostname) ? [client.allowInsecureRequests] : []),
      ],
    })
  }
}

const signedInBy = ({ iss, sub, auth_time: authTime, acr, amr }: client.IDToken): SignedIn => ({
  issuer: iss,
  subject: sub,
  ...(authTime === undefined ? {} : { authTime }),
  ...(typeof acr === 'string' ? { acr } : {}),
  ...(Array.isArray(amr) ? { amr: amr.filter((one): one is string => typeof one === 'string') } : {}),
})

/** Whether nobody answered, or the answer says that it is the issuer's own trouble. */
const isAway = (error: unknown): boolean => {
  if (error instanceof TypeError) return true
  const { code, status } = error as { code?: unknown; status?: unknown }
  return code === 'OAUTH_TIMEOUT' || (typeof status === 'number' && status >= 500)
}
