export {
  freezeCredentialHashOf,
  isFreezeCredential,
  newFreezeCredential,
  withdrawnFreezeCredential,
} from './freeze-credential.ts'
export { type Identity, isHuman, type Principal } from './identity.ts'
export {
  type SpeaksFor,
  type TokenRefusal,
  type TokenVerification,
  type TokenVerifier,
  type TokenVerifierOptions,
  type TrustedIssuer,
  tokenVerifier,
} from './token-verifier.ts'
