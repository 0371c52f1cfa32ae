import type { PrincipalKind } from '@countersign/contracts'
import { objectOf, textOf, type CloudTrailRecord } from './cloudtrail-record.ts'

/**
 * Who made the call. `name` is the agent it is replayed as: `user/<name>`, `role/<name>`, `role/<name>/<instance>` for
 * an EC2 instance, `aws-service/<service>` for AWS itself, `root`. The session name of a role is left out: callers choose it
 * freely, and one agent per session would hide that the same role acts again.
 */
export type Principal = { readonly name: string; readonly kind: PrincipalKind }

const agentName = (text: string): string => {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._/-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 128)
  return name === '' ? 'unknown' : name
}

export const principalOf = ({ identity, serviceEvent }: CloudTrailRecord): Principal => {
  const type = textOf(identity['type'])
  const invokedBy = textOf(identity['invokedBy'])
  if (type === 'AWSService' || (serviceEvent && type === undefined))
    return { name: agentName(`aws-service/${invokedBy ?? 'unknown'}`), kind: 'pipeline' }
  if (type === 'Root') return { name: 'root', kind: 'person' }
  const arn = textOf(identity['arn'])
  const issuer = textOf(objectOf(objectOf(identity['sessionContext'])['sessionIssuer'])['arn'])
  if (type === 'AssumedRole') return roleOf(arn, issuer)
  const user = textOf(identity['userName']) ?? arn?.split('/').at(-1)
  return { name: agentName(`user/${user ?? 'unknown'}`), kind: 'person' }
}

const roleOf = (arn: string | undefined, issuer: string | undefined): Principal => {
  const [, role, session] = /:assumed-role\/([^/]+)\/(.+)$/.exec(arn ?? '') ?? []
  // The path of a service-linked role is reserved for AWS; a name alone could be anybody's.
  if (issuer?.includes(':role/aws-service-role/') === true)
    return { name: agentName(`aws-service/${role ?? issuer.split('/').at(-1) ?? ''}`), kind: 'pipeline' }
  if (session !== undefined && /^i-[0-9a-f]{8,17}$/.test(session))
    return { name: agentName(`role/${role ?? 'unknown'}/${session}`), kind: 'pipeline' }
  return { name: agentName(`role/${role ?? 'unknown'}`), kind: 'person' }
}
