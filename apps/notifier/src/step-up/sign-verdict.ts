import { createHash, createHmac } from 'node:crypto'
import type { SealedSignature } from '@countersign/contracts'
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server'
import type pg from 'pg'
import { readAnswer } from '../register-key/keys-page.ts'
import { countSignature, keysOf, type SecurityKey } from '../register-key/security-keys.ts'
import type { PageSession } from '../sign-in/page-sessions.ts'

/** What a security key is asked to sign: the action, what was shown of it, and the page that showed it. */
export type Signing = {
  readonly session: PageSession
  /** Secret of the page's address. */
  readonly ticket: string
  readonly actionDigest: string
  readonly presentationDigest: string
}

/** A signature that held, with everything that is needed to verify it again. */
export type VerifiedSignature = { readonly keyId: string; readonly evidence: Omit<SealedSignature, 'salt'> }

/** One per sign-in and address; nobody else can know it, and no other page asks for the same. */
const nonceOf = ({ session, ticket }: Signing): string =>
  createHmac('sha256', session.secret).update(`countersign/verdict-nonce/v1/${ticket}`).digest('base64url')

/**
 * The challenge of a verdict: SHA-256 over `countersign/verdict/v1`, the action digest, the presentation digest and the
 * nonce, a line each. Whoever has the sealed evidence can compute it again.
 */
export const challengeOf = (actionDigest: string, presentationDigest: string, nonce: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    createHash('sha256')
      .update(['countersign/verdict/v1', actionDigest, presentationDigest, nonce].join('\n'))
      .digest(),
  )

const challengeFor = (signing: Signing): Uint8Array<ArrayBuffer> =>
  challengeOf(signing.actionDigest, signing.presentationDigest, nonceOf(signing))

/** What the browser hands to the authenticator; only keys of the person may answer. */
export const signingOptions = (
  signing: Signing,
  { publicUrl, keys }: { readonly publicUrl: string; readonly keys: readonly SecurityKey[] },
) =>
  generateAuthenticationOptions({
    rpID: new URL(publicUrl).hostname,
    allowCredentials: keys.map(({ credentialId: id, transports }) => ({ id, transports })),
    challenge: challengeFor(signing),
    userVerification: 'required',
  })

/** The signature in an authenticator's answer; undefined unless a key of this very person signed exactly this. */
export const verifySignature = async (
  signing: Signing,
  answer: string | undefined,
  { publicUrl, pool }: { readonly publicUrl: string; readonly pool: pg.Pool },
): Promise<VerifiedSignature | undefined> => {
  const response = readAnswer<AuthenticationResponseJSON>(answer)
  const key = (await keysOf(pool, signing.session)).find(({ credentialId }) => credentialId === response?.id)
  if (response === undefined || key === undefined) return undefined
  const { credentialId, publicKey, counter } = key
  const verified = await verifyAuthenticationResponse({
    response,
    expectedChallenge: Buffer.from(challengeFor(signing)).toString('base64url'),
    expectedOrigin: new URL(publicUrl).origin,
    expectedRPID: new URL(publicUrl).hostname,
    credential: { id: credentialId, publicKey, counter },
    requireUserVerification: true,
  }).catch(() => undefined)
  if (verified?.verified !== true) return undefined
  if (!(await countSignature(pool, credentialId, verified.authenticationInfo.newCounter))) return undefined
  const { authenticatorData, clientDataJSON, signature } = response.response
  return {
    keyId: key.keyId,
    evidence: {
      nonce: nonceOf(signing),
      credentialId,
      publicKey: Buffer.from(publicKey).toString('base64url'),
      authenticatorData,
      clientDataJson: clientDataJSON,
      signature,
    },
  }
}
