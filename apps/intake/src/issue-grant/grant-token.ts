import type { EventData } from '@countersign/contracts'
import { createPublicKey } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { SigningKey } from '../signing-key.ts'

export const grantTokenType = 'countersign-grant+jwt'
const redeemAudience = 'countersign:redeem'

type GrantFacts = EventData<'GrantIssued'>
type ActionFacts = Pick<EventData<'ActionIntentPublished'>, 'action' | 'target' | 'environment'>

const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000)

/**
 * Signs the grant that GrantIssued records: an Ed25519 JWT with RFC 9396 `authorization_details` (the action digest), bound
 * to the executor's OAuth client (`cnf`), for one audience and until the recorded end. The token is never stored; the same
 * event gives the same claims again.
 */
export const signGrant = (
  key: SigningKey,
  issuer: string,
  { grant, intent }: { grant: GrantFacts; intent: ActionFacts },
): Promise<string> =>
  new SignJWT({
    cnf: { client_id: grant.credential.clientId },
    intent_id: grant.intentId,
    authorization_details: [
      {
        type: 'urn:countersign:action',
        actions: [intent.action],
        locations: [intent.target],
        environment: intent.environment,
        action_digest: grant.actionDigest,
      },
    ],
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: grantTokenType, kid: key.kid })
    .setIssuer(issuer)
    .setAudience(redeemAudience)
    .setSubject(grant.executor)
    .setJti(grant.grantId)
    .setIssuedAt(seconds(grant.issuedAt))
    .setExpirationTime(Math.ceil(Date.parse(grant.expiresAt) / 1000))
    .sign(key.privateKey)

/**
 * Whether `token` is the grant `grantId` signed by us for this client. Its end is not judged here: the database's clock
 * decides on the recorded end.
 */
export const isGrantToken = async (
  token: string,
  { key, issuer, grantId, clientId }: { key: SigningKey; issuer: string; grantId: string; clientId: string },
): Promise<boolean> => {
  try {
    const { payload } = await jwtVerify(token, createPublicKey(key.privateKey), {
      algorithms: ['EdDSA'],
      typ: grantTokenType,
      issuer,
      audience: redeemAudience,
      currentDate: new Date(0),
    })
    const confirmation = payload.cnf as { client_id?: unknown } | undefined
    return payload.jti === grantId && confirmation?.client_id === clientId
  } catch {
    return false
  }
}
