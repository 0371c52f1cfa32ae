import { refuse, type Refusal } from '@countersign/contracts'

/** A proof of possession (RFC 9449) whose signature holds; the rest is judged here. */
export type KeyProof = {
  /** RFC 7638 thumbprint of the key that signed it. */
  readonly thumbprint: string
  readonly issuedAt: string
  readonly method: string
  /** Without query and fragment. */
  readonly url: string
  /** Digest of the access token that it was made for; undefined when it names none. */
  readonly accessTokenDigest: string | undefined
  /** The same proof was presented before. */
  readonly isReplayed: boolean
}

/** A client certificate whose key signed the TLS handshake of the connection (RFC 8705). */
export type ShownCertificate = {
  /** SHA-256 of the certificate, as in `x5t#S256`. */
  readonly thumbprint: string
  /** RFC 7638 thumbprint of its public key. */
  readonly keyThumbprint: string
}

/** What whoever collects or redeems shows of a key, beside what the request is and what the registers say. */
export type ShownKey = {
  /** `invalid`: there is one that cannot be verified. */
  readonly proof: KeyProof | 'invalid' | undefined
  readonly certificate?: ShownCertificate
  readonly request: { readonly method: string; readonly url: string; readonly accessTokenDigest: string }
  /** Thumbprint of the key that the agent's executor is registered with. */
  readonly registered: string | undefined
}

/** How far the time of a proof may be from ours, ms. */
const farthestMs = 60_000

/** What a grant is bound to beside its client: the key that a proof named, the certificate of a connection, both or none. */
export type BoundKeys = { readonly keyThumbprint?: string; readonly certificateThumbprint?: string }

/**
 * Why a key that is shown is not the one that is asked for: `grant` is what the grant is bound to, when there is one. Each
 * binding is asked for in its own way: no proof stands in for a certificate, and no certificate for a proof. A registered key
 * is asked for whether or not the grant is bound to it, and is proven in either way; a proof that nobody asked for has to
 * hold all the same.
 */
export const keyRefusal = (
  shown: ShownKey,
  { grant, now }: { readonly grant: BoundKeys | undefined; readonly now: string },
): Refusal | undefined => {
  const { registered, certificate } = shown
  const isCertified = registered !== undefined && certificate?.keyThumbprint === registered
  const wanted = [isCertified ? undefined : registered, grant?.keyThumbprint]
  return proofRefusal(shown, { wanted, now }) ?? certificateRefusal(certificate, grant?.certificateThumbprint)
}

const certificateRefusal = (shown: ShownCertificate | undefined, bound: string | undefined): Refusal | undefined => {
  if (bound === undefined || shown?.thumbprint === bound) return undefined
  return refuse(shown === undefined ? 'certificate_missing' : 'certificate_mismatch')
}

const proofRefusal = (
  { proof, request }: ShownKey,
  { wanted, now }: { readonly wanted: readonly (string | undefined)[]; readonly now: string },
): Refusal | undefined => {
  if (proof === 'invalid') return refuse('dpop_invalid')
  if (proof === undefined) return wanted.every((key) => key === undefined) ? undefined : refuse('dpop_missing')
  if (proof.method !== request.method || proof.url !== request.url) return refuse('dpop_other_request')
  if (proof.accessTokenDigest !== request.accessTokenDigest) return refuse('dpop_other_token')
  if (!(Math.abs(Date.parse(proof.issuedAt) - Date.parse(now)) <= farthestMs)) return refuse('dpop_stale')
  if (proof.isReplayed) return refuse('dpop_replayed')
  return wanted.some((key) => key !== undefined && key !== proof.thumbprint) ? refuse('dpop_wrong_key') : undefined
}

/** What was proven, for a grant to be bound to. */
export const provenKeys = ({ proof, certificate }: ShownKey): BoundKeys => ({
  ...(proof === undefined || proof === 'invalid' ? {} : { keyThumbprint: proof.thumbprint }),
  ...(certificate === undefined ? {} : { certificateThumbprint: certificate.thumbprint }),
})
