import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK } from 'jose'
import type { KeyProof, ShownCertificate, ShownKey } from '@countersign/intent'
import { shownCertificate } from './shown-certificate.ts'

/** Asymmetric algorithms that a proof may be signed with; never `none`, never a shared secret. */
const algorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256']
const longestProof = 8_192

/** A proof as it was read, before it is known whether it came before. */
export type ReadProof = Omit<KeyProof, 'isReplayed'> & { readonly id: Buffer }

/** What a request shows of its executor's key. */
export type PresentedKey = {
  readonly proof: ReadProof | 'invalid' | undefined
  /** Of the connection, never of a header: whoever can send a header could name any certificate. */
  readonly certificate?: ShownCertificate
  readonly request: ShownKey['request']
}

/** A caller inside of the process, which shows no key. */
export const noKey: PresentedKey = { proof: undefined, request: { method: '', url: '', accessTokenDigest: '' } }

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A URL as proofs are compared by it, without query and fragment; undefined when it is none. */
const plainUrl = (text: unknown): string | undefined => {
  if (typeof text !== 'string' || !URL.canParse(text)) return undefined
  const url = new URL(text)
  url.search = ''
  url.hash = ''
  return url.href
}

const timeOf = (seconds: unknown): string | undefined =>
  Number.isSafeInteger(seconds) && (seconds as number) >= 0 && (seconds as number) < 1e11
    ? new Date((seconds as number) * 1000).toISOString()
    : undefined

/** Reads a DPoP header (RFC 9449 §4.3): the signature by the key within, and the claims that have to be there. */
const readProof = async (header: string | undefined): Promise<PresentedKey['proof']> => {
  if (header === undefined) return undefined
  if (header.length > longestProof) return 'invalid'
  try {
    const { payload, protectedHeader } = await compactVerify(header, EmbeddedJWK, { algorithms })
    const { typ, jwk } = protectedHeader
    const { jti, htm, htu, iat, ath } = JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>
    const url = plainUrl(htu)
    const issuedAt = timeOf(iat)
    if (typ !== 'dpop+jwt' || jwk === undefined || url === undefined || issuedAt === undefined) return 'invalid'
    if (typeof jti !== 'string' || jti === '' || typeof htm !== 'string') return 'invalid'
    return {
      thumbprint: await calculateJwkThumbprint(jwk, 'sha256'),
      issuedAt,
      method: htm,
      url,
      accessTokenDigest: typeof ath === 'string' ? ath : undefined,
      id: sha256(jti),
    }
  } catch {
    return 'invalid'
  }
}

/** What a POST to `path` of the deployment shows of its executor's key. */
export const presentedKey = async (
  { headers, socket }: IncomingMessage,
  { path, publicUrl }: { readonly path: string; readonly publicUrl: string },
): Promise<PresentedKey> => {
  const { dpop, authorization } = headers
  const certificate = await shownCertificate(socket)
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  const url = new URL(path, publicUrl).href
  return {
    // Node joins headers that come twice with a comma, which no proof has.
    proof: await readProof(typeof dpop === 'string' ? dpop : undefined),
    ...(certificate === undefined ? {} : { certificate }),
    request: { method: 'POST', url, accessTokenDigest: sha256(bearer).toString('base64url') },
  }
}
