import { exitCodes, Failure } from '../exit-codes.ts'

/** For whom an issuer speaks, as in the issuers file of the services. */
export type SpeaksFor = 'people' | 'agents' | 'both'

/** What an issuer has of what is needed, and what stands against it. */
export type Inspection = {
  readonly issuer: string
  readonly jwksUri: string
  /** Algorithms of its keys that services take. */
  readonly algorithms: readonly string[]
  readonly hasDeviceFlow: boolean
  readonly hasCodeFlow: boolean
  readonly hasClientCredentials: boolean
  /** Why it cannot be trusted as it is; empty when it can. */
  readonly problems: readonly string[]
  /** What will not work, though tokens are taken. */
  readonly advice: readonly string[]
}

type Metadata = {
  readonly issuer?: unknown
  readonly jwks_uri?: unknown
  readonly authorization_endpoint?: unknown
  readonly device_authorization_endpoint?: unknown
  readonly token_endpoint?: unknown
  readonly grant_types_supported?: unknown
  readonly response_types_supported?: unknown
  readonly code_challenge_methods_supported?: unknown
}
type Key = {
  readonly kty?: unknown
  readonly crv?: unknown
  readonly alg?: unknown
  readonly kid?: unknown
  readonly use?: unknown
  readonly n?: unknown
}

const patienceMs = 10_000
const smallestModulusBytes = 256

/** Algorithm by which services take signatures of a key; undefined for a key that they take none of. */
const algorithmOf = ({ kty, crv, alg, kid, use, n }: Key): string | undefined => {
  if (typeof kid !== 'string' || kid === '' || (use !== undefined && use !== 'sig')) return undefined
  if (kty === 'EC') return crv === 'P-256' ? 'ES256' : undefined
  if (kty === 'OKP') return crv === 'Ed25519' ? 'EdDSA' : undefined
  if (kty !== 'RSA' || typeof n !== 'string') return undefined
  if (Buffer.from(n, 'base64url').length < smallestModulusBytes) return undefined
  if (alg === 'PS256') return 'PS256'
  return alg === undefined || alg === 'RS256' ? 'RS256' : undefined
}

const isSecure = (address: string): boolean => {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}

const lists = (value: unknown, wanted: string): boolean => Array.isArray(value) && value.includes(wanted)

const readJson = async (address: string, what: string): Promise<Record<string, unknown>> => {
  try {
    const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(patienceMs) })
    const body: unknown = response.ok ? await response.json() : undefined
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
    throw new Error(`it answers ${response.status}`)
  } catch (error) {
    throw new Failure(`${what} cannot be read`, {
      why: `${address}: ${error instanceof Error ? error.message : String(error)}`,
      next: 'Is this the issuer as its tokens name it? A redirect is not followed.',
    })
  }
}

/**
 * Reads what an issuer says about itself (OpenID Connect Discovery 1.0) and its keys, and holds it against what services ask
 * of one. @throws Failure when it cannot be read, or is another issuer than the one that was named
 */
export const inspectIssuer = async (address: string, speaksFor: SpeaksFor): Promise<Inspection> => {
  if (!isSecure(address)) {
    throw new Failure('an issuer has an https address', { next: 'http is for this machine only.' })
  }
  const discovery = `${address.replace(/\/$/, '')}/.well-known/openid-configuration`
  const metadata: Metadata = await readJson(discovery, 'the discovery document')
  if (metadata.issuer !== address) {
    const said = typeof metadata.issuer === 'string' && isSecure(metadata.issuer) ? metadata.issuer : 'nothing usable'
    throw new Failure('the issuer calls itself otherwise', {
      why: `its tokens will say iss ${said}`,
      next: said === 'nothing usable' ? undefined : `If that is the one you mean: countersign idp connect ${said}`,
      exitCode: exitCodes.invalid,
    })
  }
  const { jwks_uri: jwksUri } = metadata
  if (typeof jwksUri !== 'string' || !isSecure(jwksUri))
    throw new Failure('the issuer names no https address of its keys', { exitCode: exitCodes.invalid })
  const { keys } = await readJson(jwksUri, 'the key set')
  const algorithms = new Set((Array.isArray(keys) ? (keys as Key[]) : []).flatMap((key) => algorithmOf(key) ?? []))
  const hasCodeFlow =
    typeof metadata.authorization_endpoint === 'string' &&
    lists(metadata.response_types_supported, 'code') &&
    lists(metadata.code_challenge_methods_supported, 'S256')
  const hasDeviceFlow = typeof metadata.device_authorization_endpoint === 'string'
  const hasClientCredentials =
    typeof metadata.token_endpoint === 'string' && lists(metadata.grant_types_supported, 'client_credentials')
  const [people, agents] = [speaksFor !== 'agents', speaksFor !== 'people']
  return {
    issuer: address,
    jwksUri,
    algorithms: [...algorithms],
    hasDeviceFlow,
    hasCodeFlow,
    hasClientCredentials,
    problems:
      algorithms.size === 0
        ? ['none of its keys is for ES256, EdDSA, RS256 or PS256 with a key id and enough bits']
        : [],
    advice: [
      ...(people && !hasDeviceFlow
        ? ['no device flow: countersign login will not work, only tokens from elsewhere']
        : []),
      ...(people && !hasCodeFlow ? ['no code flow with PKCE (S256): the sign-in pages will not work'] : []),
      ...(agents && !hasClientCredentials ? ['no client credentials grant: agents need tokens from elsewhere'] : []),
    ],
  }
}
