export type { Identity, Principal } from './identity.ts'
export {
  type TokenRefusal,
  type TokenVerification,
  type TokenVerifier,
  type TokenVerifierOptions,
  tokenVerifier,
} from './token-verifier.ts'
