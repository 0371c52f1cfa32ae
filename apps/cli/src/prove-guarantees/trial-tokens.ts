import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT, UnsecuredJWT } from 'jose'
import { Failure } from '../exit-codes.ts'

type Claims = Readonly<Record<string, unknown>>

/** Issues access tokens as the identity provider of an instance does that was started to be thrown away. */
export type TrialTokens = {
  readonly person: (subject: string) => Promise<string>
  readonly client: (clientId: string, claims?: Claims) => Promise<string>
  /** Tokens for a client that must be nobody's, by what is wrong with them. */
  readonly forged: (clientId: string) => Promise<Readonly<Record<string, string>>>
}

const lifetimeS = 600

/** Takes the key of the identity provider out of the data folder of an instance. */
export const trialTokens = async (
  dataDir: string,
  {
    issuer,
    audience,
    cliClientId,
  }: { readonly issuer: string; readonly audience: string; readonly cliClientId: string },
): Promise<TrialTokens> => {
  const { keys } = JSON.parse(await readFile(join(dataDir, 'keys', 'identity-provider.json'), 'utf8')) as {
    keys: JWK[]
  }
  const [jwk] = keys
  if (jwk?.kid === undefined) throw new Failure('the identity provider of the instance has no key')
  const { kid } = jwk
  const key = (await importJWK(jwk, 'ES256')) as CryptoKey
  const claimsOf = (subject: string, clientId: string, more: Claims): Record<string, unknown> => {
    const now = Math.floor(Date.now() / 1_000)
    const times = { iat: now, exp: now + lifetimeS }
    return { iss: issuer, aud: audience, sub: subject, client_id: clientId, jti: randomUUID(), ...times, ...more }
  }
  const sign = (
    claims: Record<string, unknown>,
    by: CryptoKey | Uint8Array = key,
    header: { alg: string; typ?: string } = { alg: 'ES256' },
  ) => new SignJWT(claims).setProtectedHeader({ typ: 'at+jwt', kid, ...header }).sign(by)
  const now = Math.floor(Date.now() / 1_000)
  return {
    person: (subject) => sign(claimsOf(subject, cliClientId, { amr: ['pwd', 'mfa'], acr: 'mfa', auth_time: now })),
    client: (clientId, more = {}) => sign(claimsOf(clientId, clientId, more)),
    forged: async (clientId) => {
      const own = claimsOf(clientId, clientId, {})
      const stranger = await generateKeyPair('ES256')
      const { d: _private, ...publicKey } = jwk
      return {
        unsigned: new UnsecuredJWT(own).encode(),
        'signed by somebody else': await sign(own, stranger.privateKey),
        'signed with the public key as a secret': await sign(own, Buffer.from(JSON.stringify(publicKey)), {
          alg: 'HS256',
        }),
        'for somebody else': await sign({ ...own, aud: 'urn:somebody:else' }),
        'from another issuer': await sign({ ...own, iss: 'https://elsewhere.example' }),
        'of another kind': await sign(own, key, { alg: 'ES256', typ: 'JWT' }),
        expired: await sign({ ...own, iat: now - 2 * lifetimeS, exp: now - lifetimeS }),
        'bringing its own key': await new SignJWT(own)
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, jwk: await exportJWK(stranger.publicKey) })
          .sign(stranger.privateKey),
      }
    },
  }
}
