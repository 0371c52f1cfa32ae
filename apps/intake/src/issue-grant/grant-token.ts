import type { EventData } from '@countersign/contracts'
import type { GrantClaims } from '@countersign/intent'
import { jwtVerify, type JWTPayload, SignJWT } from 'jose'
import type { GrantKeys, SigningKey } from '../signing-key.ts'

export const grantTokenType = 'countersign-grant+jwt'
const redeemAudience = 'countersign:redeem'

type GrantFacts = EventData<'GrantIssued'>
type ActionFacts = Pick<
  EventData<'ActionIntentPublished'>,
  'action' | 'target' | 'environment' | 'agent' | 'onBehalfOf' | 'bindingVersion'
>
const detailsType = 'urn:countersign:action'

const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000)

/**
 * Signs the grant that GrantIssued records: an Ed25519 JWT with RFC 9396 `authorization_details` (what the action digest
 * binds, but for what is sealed), bound to the executor's OAuth client, and what it proved (`cnf`: key, client certificate), for one audience and until the recorded end. The token is never stored; the same
 * event gives the same claims again.
 */
export const signGrant = (
  key: SigningKey,
  issuer: string,
  { tenantId, grant, intent }: { tenantId: string; grant: GrantFacts; intent: ActionFacts },
): Promise<string> =>
  new SignJWT({
    cnf: {
      client_id: grant.credential.clientId,
      ...(grant.credential.keyThumbprint === undefined ? {} : { jkt: grant.credential.keyThumbprint }),
      ...(grant.credential.certificateThumbprint === undefined
        ? {}
        : { 'x5t#S256': grant.credential.certificateThumbprint }),
    },
    intent_id: grant.intentId,
    authorization_details: [
      {
        type: detailsType,
        actions: [intent.action],
        locations: [intent.target],
        environment: intent.environment,
        binding_version: intent.bindingVersion,
        tenant: tenantId,
        agent: intent.agent.subjectId,
        on_behalf_of: intent.onBehalfOf,
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

const only = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : undefined)
const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const claimsOf = (payload: JWTPayload): GrantClaims => {
  const details = membersOf(only(payload['authorization_details']))
  return {
    bindingVersion: details['type'] === detailsType ? details['binding_version'] : undefined,
    grantId: payload.jti,
    tenant: details['tenant'],
    intentId: payload['intent_id'],
    agent: details['agent'],
    onBehalfOf: details['on_behalf_of'],
    executor: payload.sub,
    clientId: membersOf(payload['cnf'])['client_id'],
    action: only(details['actions']),
    target: only(details['locations']),
    environment: details['environment'],
    actionDigest: details['action_digest'],
    keyThumbprint: membersOf(payload['cnf'])['jkt'],
    certificateThumbprint: membersOf(payload['cnf'])['x5t#S256'],
  }
}

/**
 * What a token says, when it is a grant that we signed; undefined for anything else. Whether it says what was granted, and
 * its end, are not judged here: the core compares, and the database's clock decides on the recorded end.
 */
export const readGrantToken = async (
  token: string,
  { keys, issuer }: { readonly keys: GrantKeys; readonly issuer: string },
): Promise<GrantClaims | undefined> => {
  try {
    const { payload } = await jwtVerify(token, keys.find, {
      algorithms: ['EdDSA'],
      typ: grantTokenType,
      issuer,
      audience: redeemAudience,
      currentDate: new Date(0),
    })
    return claimsOf(payload)
  } catch {
    return undefined
  }
}
