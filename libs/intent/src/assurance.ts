import type { Assurance, AssuranceDemand } from '@countersign/contracts'

/** From the weakest: a chat account, a sign-in, one with several factors, a signature over what was shown. */
const order: readonly Assurance[] = ['chat', 'sso', 'mfa', 'webauthn']

/** How far the clock of an identity provider may be ahead of ours. */
const longestSkewMs = 60_000

type Proven = { readonly assurance: Assurance; readonly authTime?: string; readonly now: string }

/**
 * Whether what somebody proved is what a review demands. A sign-in whose time is not known, too long ago or in the future
 * does not count as recent.
 */
export const meetsDemand = (
  { assurance, authTime, now }: Proven,
  { atLeast, signedInWithinMs }: AssuranceDemand,
): boolean => {
  if (order.indexOf(assurance) < order.indexOf(atLeast)) return false
  if (signedInWithinMs === undefined) return true
  const ageMs = Date.parse(now) - Date.parse(authTime ?? '')
  return ageMs >= -longestSkewMs && ageMs <= signedInWithinMs
}
