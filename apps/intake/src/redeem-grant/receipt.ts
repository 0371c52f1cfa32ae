import type { EventData } from '@countersign/contracts'
import { SignJWT } from 'jose'
import type { SigningKey } from '../signing-key.ts'

export const receiptType = 'countersign-receipt+jwt'

/**
 * Signs what GrantRedeemed records. The receipt is what authorises the one run; it can be verified offline with the
 * deployment's public key, and repeating the redemption gives the same claims.
 */
export const signReceipt = (key: SigningKey, issuer: string, redeemed: EventData<'GrantRedeemed'>): Promise<string> =>
  new SignJWT({
    grant_id: redeemed.grantId,
    intent_id: redeemed.intentId,
    redemption_id: redeemed.redemptionId,
    action_digest: redeemed.actionDigest,
    redeemed_at: redeemed.redeemedAt,
    report_before: redeemed.reportBefore,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: receiptType, kid: key.kid })
    .setIssuer(issuer)
    .setJti(redeemed.receiptId)
    .setIssuedAt(Math.floor(Date.parse(redeemed.redeemedAt) / 1000))
    .sign(key.privateKey)
