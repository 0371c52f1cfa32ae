import type { EventData, RefusalCode } from '@countersign/contracts'
import { differingPointer, jsonPointer, type JsonObject } from '@countersign/redaction'
import type { BoundKeys } from './key-proof.ts'
import { preconditionHolds } from './precondition.ts'

/** What an executor runs, as far as an approval binds it: what was approved, or what is about to run. */
export type BoundAction = {
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly parameters: JsonObject
  /** Approved: what the target has to be like. Presented: what the executor observed. */
  readonly preconditions: Readonly<Record<string, string>>
}

/** The first bound member that differs: its own code, and where in the request it is; never a value. */
export type Difference = { readonly code: RefusalCode; readonly pointer: string }

const members = [
  ['action', 'action_mismatch'],
  ['target', 'target_mismatch'],
  ['environment', 'environment_mismatch'],
  ['parameters', 'parameters_mismatch'],
] as const satisfies readonly (readonly [keyof BoundAction, RefusalCode])[]

/**
 * Where what is about to run is not what was approved; undefined when it is. Keys may come in any order, and nothing else
 * is forgiven: not a space, not a number for a string, not a parameter more.
 */
export const actionDifference = (approved: BoundAction, presented: BoundAction): Difference | undefined => {
  for (const [member, code] of members) {
    const at = differingPointer(approved[member], presented[member])
    if (at !== undefined) return { code, pointer: `/${member}${at}` }
  }
  return preconditionDifference(approved.preconditions, presented.preconditions)
}

/** What nobody observed, or was never approved, is a mismatch; what was observed and does not hold any more is stale. */
const preconditionDifference = (
  approved: BoundAction['preconditions'],
  observed: BoundAction['preconditions'],
): Difference | undefined => {
  for (const name of [...new Set([...Object.keys(approved), ...Object.keys(observed)])].sort()) {
    const wanted = Object.hasOwn(approved, name) ? approved[name] : undefined
    const found = Object.hasOwn(observed, name) ? observed[name] : undefined
    const pointer = `/preconditions${jsonPointer([name])}`
    if (wanted === undefined || found === undefined) return { code: 'preconditions_mismatch', pointer }
    if (!preconditionHolds(wanted, found)) return { code: 'stale', pointer }
  }
  return undefined
}

const claimCodes = {
  bindingVersion: 'binding_version_mismatch',
  grantId: 'grant_mismatch',
  tenant: 'tenant_mismatch',
  intentId: 'intent_mismatch',
  agent: 'agent_mismatch',
  onBehalfOf: 'on_behalf_of_mismatch',
  executor: 'wrong_executor',
  clientId: 'wrong_executor',
  action: 'action_mismatch',
  target: 'target_mismatch',
  environment: 'environment_mismatch',
  actionDigest: 'binding_mismatch',
  keyThumbprint: 'dpop_wrong_key',
  certificateThumbprint: 'certificate_mismatch',
} as const satisfies Readonly<Record<string, RefusalCode>>

/** What a grant token says of itself once its signature holds; a claim that it lacks is undefined. */
export type GrantClaims = Readonly<Record<keyof typeof claimCodes, unknown>>

type Granted = {
  readonly tenantId: string
  readonly grantId: string
  readonly published: EventData<'ActionIntentPublished'>
  /** What the grant is bound to beside its client. */
  readonly keys: BoundKeys
}

/** Where a grant token says something else than what was granted. A claim that is missing differs: nothing is assumed. */
export const claimDifference = (
  claims: GrantClaims,
  { tenantId, grantId, published, keys }: Granted,
): Difference | undefined => {
  const granted: GrantClaims = {
    bindingVersion: published.bindingVersion,
    grantId,
    tenant: tenantId,
    intentId: published.intentId,
    agent: published.agent.subjectId,
    onBehalfOf: published.onBehalfOf,
    executor: published.executor.subjectId,
    clientId: published.executor.clientId,
    action: published.action,
    target: published.target,
    environment: published.environment,
    actionDigest: published.actionDigest,
    keyThumbprint: keys.keyThumbprint,
    certificateThumbprint: keys.certificateThumbprint,
  }
  const names = Object.keys(claimCodes) as (keyof GrantClaims)[]
  const differing = names.find((name) => claims[name] !== granted[name])
  return differing === undefined ? undefined : { code: claimCodes[differing], pointer: '/token' }
}
