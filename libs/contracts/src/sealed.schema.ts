import { Type } from 'typebox'
import { closed, Salt } from './primitives.ts'

/** Purpose under which intake seals what an intent carries; the plaintext is JSON of `SealedIntent`. */
export const sealedIntentPurpose = 'intent'

/**
 * What ActionIntentPublished refers to by `payload.sealedId`. `salt` is the parameters' one; each part that is committed to
 * has its own.
 */
export const SealedIntent = closed({
  salt: Salt,
  parameters: Type.Record(Type.String(), Type.Unknown()),
  preconditions: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  rationale: Type.Optional(closed({ salt: Salt, text: Type.String() })),
  logs: Type.Optional(closed({ salt: Salt, lines: Type.Array(Type.String()) })),
})
export type SealedIntent = Type.Static<typeof SealedIntent>

/** Purpose under which notifier seals a reviewer's reason; the plaintext is JSON of `SealedReason`. */
export const sealedReasonPurpose = 'reason'
export const SealedReason = closed({ salt: Salt, text: Type.String() })
export type SealedReason = Type.Static<typeof SealedReason>

/** Purpose under which notifier seals a security key's signature; the plaintext is JSON of `SealedSignature`. */
export const sealedSignaturePurpose = 'signature'

const Base64Url = Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength: 16_384 })

/** What a security key signed (WebAuthn Level 3 §6.3.3) and with what, enough to verify it again. */
export const SealedSignature = closed({
  salt: Salt,
  nonce: Base64Url,
  credentialId: Base64Url,
  publicKey: Base64Url,
  authenticatorData: Base64Url,
  clientDataJson: Base64Url,
  signature: Base64Url,
})
export type SealedSignature = Type.Static<typeof SealedSignature>

/** Purpose under which policy seals the facts of an evaluation; the plaintext is JSON `{ salt, facts }`. */
export const sealedFactsPurpose = 'facts'
