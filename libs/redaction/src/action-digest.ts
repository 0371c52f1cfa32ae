import { canonicalJson, sha256, type Sha256Digest } from './canonical-json.ts'
import type { JsonObject } from './json-value.ts'

/** What an approval binds to. Agent, onBehalfOf and executor are subject ids, never names. */
export interface ActionBinding {
  readonly bindingVersion: 1
  readonly tenant: string
  readonly intentId: string
  readonly agent: string
  readonly onBehalfOf: string | null
  readonly executor: string
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly parametersCommitment: string
  readonly preconditions: JsonObject | null
}

const TEXT_FIELDS = ['tenant', 'intentId', 'agent', 'executor', 'action', 'target', 'environment'] as const
const COMMITMENT = /^sha256:[0-9a-f]{64}$/

/**
 * The action digest: SHA-256 over the RFC 8785 form of exactly the eleven members of the binding. Members beyond them
 * are ignored. Throws a TypeError when one is missing or of another kind, so that no digest is ever made over less
 * than the whole action.
 */
export function actionDigest(binding: ActionBinding): Sha256Digest {
  if (binding.bindingVersion !== 1) throw new TypeError('unknown binding version')
  for (const field of TEXT_FIELDS) {
    if (typeof binding[field] !== 'string' || binding[field] === '') throw new TypeError(`binding lacks ${field}`)
  }
  const { onBehalfOf, preconditions } = binding
  if (onBehalfOf !== null && typeof onBehalfOf !== 'string') throw new TypeError('binding lacks onBehalfOf')
  if (typeof preconditions !== 'object' || Array.isArray(preconditions)) {
    throw new TypeError('binding lacks preconditions')
  }
  if (!COMMITMENT.test(binding.parametersCommitment)) throw new TypeError('binding lacks parametersCommitment')
  return sha256(
    canonicalJson({
      bindingVersion: binding.bindingVersion,
      tenant: binding.tenant,
      intentId: binding.intentId,
      agent: binding.agent,
      onBehalfOf,
      executor: binding.executor,
      action: binding.action,
      target: binding.target,
      environment: binding.environment,
      parametersCommitment: binding.parametersCommitment,
      preconditions,
    }),
  )
}
