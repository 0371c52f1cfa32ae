import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, type JWTPayload } from 'jose'
import { ProofInvalid } from './errors.ts'

export const receiptType = 'countersign-receipt+jwt'

/** What a receipt says, once its signature holds. */
export type VerifiedReceipt = {
  readonly receiptId: string
  readonly grantId: string
  readonly intentId: string
  readonly redemptionId: string
  readonly actionDigest: string
  readonly redeemedAt: string
  readonly reportBefore: string
  /** The deployment that signed it, as it calls itself. */
  readonly issuer: string
}

/** What the receipt has to be about; whatever is left out is not checked. */
export type ReceiptExpectation = Partial<
  Pick<VerifiedReceipt, 'issuer' | 'actionDigest' | 'grantId' | 'intentId' | 'redemptionId'>
>

const claims = {
  receiptId: 'jti',
  grantId: 'grant_id',
  intentId: 'intent_id',
  redemptionId: 'redemption_id',
  actionDigest: 'action_digest',
  redeemedAt: 'redeemed_at',
  reportBefore: 'report_before',
  issuer: 'iss',
} as const satisfies Record<keyof VerifiedReceipt, string>

const read = (payload: JWTPayload): VerifiedReceipt => {
  const entries = Object.entries(claims).map(([name, claim]) => {
    const value = payload[claim]
    if (typeof value !== 'string') throw new ProofInvalid(`the receipt lacks ${claim}`)
    return [name, value]
  })
  return Object.fromEntries(entries) as VerifiedReceipt
}

/**
 * Verifies a receipt with a saved key set (`/.well-known/jwks.json`) and nothing else: no call is made, then or later. It
 * proves that the deployment took this one redemption of a grant for this action digest; not that the action ran, nor how
 * it ended, nor what was revoked or frozen since. Throws `ProofInvalid` otherwise.
 */
export const verifyReceipt = async (
  receipt: string,
  keySet: JSONWebKeySet,
  expected: ReceiptExpectation = {},
): Promise<VerifiedReceipt> => {
  const { payload } = await jwtVerify(receipt, createLocalJWKSet(keySet), {
    algorithms: ['EdDSA', 'Ed25519'],
    typ: receiptType,
  }).catch(() => {
    throw new ProofInvalid('no key of the set signed this as a receipt')
  })
  const verified = read(payload)
  for (const [name, value] of Object.entries(expected)) {
    if (verified[name as keyof ReceiptExpectation] !== value)
      throw new ProofInvalid(`the receipt is about another ${claims[name as keyof ReceiptExpectation]}`)
  }
  return verified
}
