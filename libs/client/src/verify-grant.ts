import { actionDigest, parametersCommitment, type ActionBinding } from '@countersign/redaction'
import type { GrantView, JsonObject, ReceiptView } from '@countersign/contracts'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { ProofInvalid, Unreachable } from './errors.ts'
import { receiptType } from './verify-receipt.ts'

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

/** What a receipt has to be about: the caller's own redemption of its own grant for its own action. */
export type ExpectedReceipt = {
  readonly grantId: string
  readonly intentId: string
  readonly redemptionId: string
  readonly actionDigest: string
}

export type ReceiptVerifier = (receipt: ReceiptView, expected: ExpectedReceipt) => Promise<void>

/**
 * Verifies redemption receipts with the public keys of the deployment: Ed25519, of type receipt, for this grant, this
 * redemption and this action. Throws `ProofInvalid` otherwise, and `Unreachable` when the keys cannot be read. Nothing may
 * run without a receipt that passed.
 */
export const receiptVerifier = (baseUrl: string): ReceiptVerifier => {
  // A key that is not known is looked for again at once: it may have begun to sign since.
  const keys = createRemoteJWKSet(new URL(`${baseUrl.replace(/\/+$/, '')}/.well-known/jwks.json`), {
    cooldownDuration: 0,
  })
  return async (receipt, expected) => {
    let claims: JWTPayload
    try {
      const verified = await jwtVerify(receipt.receipt, keys, {
        algorithms: ['EdDSA', 'Ed25519'],
        typ: receiptType,
      })
      claims = verified.payload
    } catch (error) {
      if (isAboutKeys(error)) throw new Unreachable('the keys that sign receipts cannot be read', error)
      throw new ProofInvalid('the receipt is not signed by this deployment')
    }
    if (claims['grant_id'] !== expected.grantId || claims['intent_id'] !== expected.intentId)
      throw new ProofInvalid('the receipt names another grant')
    if (claims['redemption_id'] !== expected.redemptionId)
      throw new ProofInvalid('the receipt is for another redemption')
    if (claims['action_digest'] !== expected.actionDigest) throw new ProofInvalid('the receipt is for another action')
    if (claims.jti !== receipt.receiptId) throw new ProofInvalid('the receipt is not the one that is named')
  }
}

// A key set that cannot be fetched says nothing about the receipt; every other failure does.
const isAboutKeys = (error: unknown): boolean =>
  !(error instanceof errors.JOSEError) || ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'].includes(error.code)
