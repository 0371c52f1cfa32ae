import type { Assurance, Refusal } from '@countersign/contracts'
import type { Identity } from '@countersign/identity'
import { asRecorded } from './record-refusal/recorded-refusals.ts'

/** What this deployment's identity provider calls a sign-in with several factors. */
export type AssuranceRules = { readonly mfaAcr: readonly string[]; readonly mfaAmr: readonly string[] }

/** How somebody signed in, as it goes into a verdict. */
export type SignInProof = { readonly assurance: Assurance; readonly authTime: string | undefined }

/**
 * How a token says that its person signed in: `acr` or `amr` (RFC 8176) as the deployment reads them, else a single factor.
 * No token counts as a signature over what was shown, however strong the sign-in was.
 */
export const signInProof = (
  { mfaAcr, mfaAmr }: AssuranceRules,
  { acr, amr = [], authTime }: Pick<Identity, 'acr' | 'amr' | 'authTime'>,
): SignInProof => ({
  assurance: (acr !== undefined && mfaAcr.includes(acr)) || amr.some((one) => mfaAmr.includes(one)) ? 'mfa' : 'sso',
  authTime: timeOf(authTime),
})

/** Undefined for a time that no event can carry. */
const timeOf = (seconds: number | undefined): string | undefined => {
  if (seconds === undefined) return undefined
  const year2000 = 946_684_800
  const year2100 = 4_102_444_800
  return seconds >= year2000 && seconds < year2100 ? new Date(seconds * 1_000).toISOString() : undefined
}

/** A refusal with the headers that it is answered with. */
export type ChallengedRefusal = Refusal & { readonly headers?: Readonly<Record<string, string>> }

/** Tells the client of a refused verdict how to sign in again (RFC 9470); other refusals stay what they are. */
export const withChallenge = ({ mfaAcr }: AssuranceRules, refusal: Refusal): ChallengedRefusal => {
  const { assurance } = refusal
  if (refusal.code !== 'step_up_required' || assurance === undefined) return refusal
  const { atLeast, signedInWithinMs } = assurance
  const parts = [
    'Bearer realm="countersign"',
    'error="insufficient_user_authentication"',
    ...(atLeast === 'sso' || mfaAcr.length === 0 ? [] : [`acr_values="${mfaAcr.join(' ')}"`]),
    ...(signedInWithinMs === undefined ? [] : [`max_age=${Math.floor(signedInWithinMs / 1_000)}`]),
  ]
  return asRecorded({ ...refusal, headers: { 'www-authenticate': parts.join(', ') } })
}
