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

/** What whoever collects or redeems shows of a key, beside what the request is and what the registers say. */
export type ShownKey = {
  /** `invalid`: there is one that cannot be verified. */
  readonly proof: KeyProof | 'invalid' | undefined
  readonly request: { readonly method: string; readonly url: string; readonly accessTokenDigest: string }
  /** Thumbprint of the key that the agent's executor is registered with. */
  readonly registered: string | undefined
}

/** How far the time of a proof may be from ours, ms. */
const farthestMs = 60_000

/**
 * Why a key that is shown is not the one that is asked for: `bound` is the key of the grant, when it has one. A registered
 * key is asked for whether or not the grant is bound to it; a proof that nobody asked for has to hold all the same.
 */
export const keyRefusal = (
  { proof, request, registered }: ShownKey,
  { bound, now }: { readonly bound: string | undefined; readonly now: string },
): Refusal | undefined => {
  if (proof === 'invalid') return refuse('dpop_invalid')
  if (proof === undefined) return (registered ?? bound) === undefined ? undefined : refuse('dpop_missing')
  if (proof.method !== request.method || proof.url !== request.url) return refuse('dpop_other_request')
  if (proof.accessTokenDigest !== request.accessTokenDigest) return refuse('dpop_other_token')
  if (!(Math.abs(Date.parse(proof.issuedAt) - Date.parse(now)) <= farthestMs)) return refuse('dpop_stale')
  if (proof.isReplayed) return refuse('dpop_replayed')
  const isWrong = [registered, bound].some((wanted) => wanted !== undefined && wanted !== proof.thumbprint)
  return isWrong ? refuse('dpop_wrong_key') : undefined
}

/** Thumbprint of the key that was proven; undefined when none was. */
export const provenKey = ({ proof }: ShownKey): string | undefined =>
  proof === undefined || proof === 'invalid' ? undefined : proof.thumbprint
