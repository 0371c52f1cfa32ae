import { activePolicySets, askedTogether, type Transaction } from '@countersign/event-store'
import {
  acceptedPolicySet,
  deniesOnly,
  type Facts,
  type PolicySet,
  type PolicySource,
} from '@countersign/policy-engine'

export type Denies = { readonly policySetDigest: string; readonly denied: boolean; readonly rules: readonly string[] }

/** What no active set answers: everything is denied. */
const noPolicy: Denies = { policySetDigest: `sha256:${'0'.repeat(64)}`, denied: true, rules: [] }

/**
 * The denies of the set that the store names active. Sets are kept by digest: a digest names its text, so what is kept
 * never gets stale.
 */
export class ActivePolicy {
  readonly #sets = new Map<string, PolicySet>()

  /** Active set of a tenant, read in the transaction of the decision; undefined where none is active or it cannot be used. */
  async read(tx: Transaction, tenantId: string): Promise<PolicySet | undefined> {
    const [set] = await this.#ofTenants(tx, [tenantId])
    return set
  }

  readonly #ofTenants = askedTogether(async (tx, tenantIds: readonly string[]): Promise<(PolicySet | undefined)[]> => {
    // Another read may empty what is kept while the rows come: a text that was not asked for is in here.
    const kept = new Map(this.#sets)
    const found = new Map<string, PolicySet>()
    for (const { tenantId, digest, bundle } of await activePolicySets(tx, [...new Set(tenantIds)], [...kept.keys()])) {
      const set = kept.get(digest) ?? this.#sets.get(digest) ?? this.#load(digest, bundle ?? '')
      if (set !== undefined) found.set(tenantId, set)
    }
    return tenantIds.map((tenantId) => found.get(tenantId))
  })

  #load(digest: string, bundle: string): PolicySet | undefined {
    const set = acceptedPolicySet(JSON.parse(bundle) as PolicySource, digest)
    if (set === undefined) return undefined
    if (this.#sets.size >= 16) this.#sets.clear()
    this.#sets.set(digest, set)
    return set
  }
}

/** Whether the active set forbids the action now. No usable set is a deny. */
export const deniesNow = (set: PolicySet | undefined, facts: Facts): Denies => {
  if (set === undefined) return noPolicy
  const denial = deniesOnly(set, facts)
  return { policySetDigest: set.digest, denied: denial !== undefined, rules: denial?.rules ?? [] }
}
