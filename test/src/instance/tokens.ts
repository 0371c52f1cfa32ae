import { readFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { type CryptoKey, importJWK, type JWK, SignJWT } from 'jose'

export type Claims = Readonly<Record<string, unknown>>

/** Signs access tokens with the demo identity provider's own key, for people and clients that cannot sign in there. */
export type Mint = {
  readonly kid: string
  /** A token as the provider would issue it, with other claims or header fields where given; undefined removes one. */
  token(claims?: Claims, header?: Claims): Promise<string>
  /** The public key as text, for tokens that misuse it as a secret. */
  readonly publicJwk: string
}

export type MintOptions = { readonly issuer: string; readonly audience: string; readonly keyFile: string }

const without = (fields: Claims): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

export const mintWith = async ({ issuer, audience, keyFile }: MintOptions): Promise<Mint> => {
  const { keys } = JSON.parse(await readFile(keyFile, 'utf8')) as { keys: JWK[] }
  const [jwk] = keys
  if (jwk?.kid === undefined) throw new Error('the identity provider has no signing key')
  const key = (await importJWK(jwk, 'ES256')) as CryptoKey
  const { d: _, ...publicJwk } = jwk
  return {
    kid: jwk.kid,
    publicJwk: JSON.stringify(publicJwk),
    token: (claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const payload = without({
        iss: issuer,
        aud: audience,
        iat: now,
        exp: now + 600,
        jti: randomUUID(),
        client_id: 'countersign-cli',
        ...claims,
      })
      return new SignJWT(payload)
        .setProtectedHeader(without({ alg: 'ES256', typ: 'at+jwt', kid: jwk.kid, ...header }) as { alg: string })
        .sign(key)
    },
  }
}
