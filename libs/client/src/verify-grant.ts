import { actionDigest, parametersCommitment, type ActionBinding } from '@countersign/redaction'
import type { GrantView, JsonObject, ReceiptView } from '@countersign/contracts'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { ProofInvalid } from './errors.ts'

/** Exactly what the executor is about to run. */
export type ConcreteAction = {
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly parameters: JsonObject
  readonly preconditions?: Readonly<Record<string, string>>
}

/**
 * Action digest of what is about to run, recomputed from what the grant disclosed (salt, tenant, subject ids) and the
 * executor's own values.
 */
export const digestOf = (binding: GrantView['binding'], concrete: ConcreteAction): string => {
  const { salt, ...ids } = binding
  const bound: ActionBinding = {
    ...ids,
    action: concrete.action,
    target: concrete.target,
    environment: concrete.environment,
    parametersCommitment: parametersCommitment(salt, concrete.parameters),
    preconditions: concrete.preconditions === undefined ? null : { ...concrete.preconditions },
  }
  return actionDigest(bound)
}

export type ReceiptVerifier = (
  receipt: ReceiptView,
  expected: { actionDigest: string; redemptionId: string },
) => Promise<void>

/**
 * Verifies redemption receipts with the public keys of the deployment: Ed25519, of type receipt, for this grant, this
 * redemption and this action. Throws `ProofInvalid` otherwise. Nothing may run without a receipt that passed.
 */
export const receiptVerifier = (baseUrl: string): ReceiptVerifier => {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', baseUrl))
  return async (receipt, expected) => {
    let claims: Record<string, unknown>
    try {
      const verified = await jwtVerify(receipt.receipt, keys, {
        algorithms: ['EdDSA', 'Ed25519'],
        typ: 'countersign-receipt+jwt',
      })
      claims = verified.payload
    } catch {
      throw new ProofInvalid('the receipt is not signed by this deployment')
    }
    if (claims.jti !== receipt.receiptId || claims.grant_id !== receipt.grantId)
      throw new ProofInvalid('the receipt names another grant')
    if (claims.redemption_id !== expected.redemptionId) throw new ProofInvalid('the receipt is for another redemption')
    if (claims.action_digest !== expected.actionDigest) throw new ProofInvalid('the receipt is for another action')
  }
}
