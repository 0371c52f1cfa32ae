export { clientCredentials, type ClientCredentials, type TokenSource } from './access-token.ts'
export type { ClientCertificate } from './client-certificate.ts'
export {
  type AwaitOptions,
  type ClientOptions,
  type Countersign,
  countersign,
  isDecided,
  type RedeemOptions,
} from './client.ts'
export { CountersignRefused, DecisionPending, isTransient, ProofInvalid, Unreachable } from './errors.ts'
export { type ExecutorKey, keyThumbprint } from './executor-key.ts'
export type { Guarded, GuardedAction, Outcome } from './guard.ts'
export { http, type Call, type Http } from './http.ts'
export { persist, type Persistence } from './persist.ts'
export { type ReceiptExpectation, type VerifiedReceipt, verifyReceipt } from './verify-receipt.ts'
export {
  digestOf,
  type ConcreteAction,
  type ExpectedReceipt,
  receiptVerifier,
  type ReceiptVerifier,
} from './verify-grant.ts'
