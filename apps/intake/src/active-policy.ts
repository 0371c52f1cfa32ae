import { activePolicySets, type Transaction } from '@countersign/event-store'
import { deniesOnly, loadPolicySet, type Facts, type PolicySet, type PolicySource } from '@countersign/policy-engine'

export type Denies = { readonly policySetDigest: string; readonly denied: boolean; readonly rules: readonly string[] }

/** What no active set answers: everything is denied. */
const noPolicy: Denies = { policySetDigest: `sha256:${'0'.repeat(64)}`, denied: true, rules: [] }

/**
 * The denies of the set that the store names active. Sets are kept by digest: a digest names its text, so what is kept
 * never gets stale.
 */
export class ActivePolicy {
  readonly #sets = new Map<string, PolicySet>()

  /** Active set per tenant, read in the transaction of the decision; undefined where none is active or it cannot be used. */
  async read(tx: Transaction, tenantIds: readonly string[]): Promise<Map<string, PolicySet>> {
    const found = new Map<string, PolicySet>()
    for (const { tenantId, ...active } of await activePolicySets(tx, tenantIds)) {
      const set = this.#sets.get(active.digest) ?? this.#load(active.digest, active.bundle)
      if (set !== undefined) found.set(tenantId, set)
    }
    return found
  }

  #load(digest: string, bundle: string): PolicySet | undefined {
    const loaded = loadPolicySet(JSON.parse(bundle) as PolicySource)
    if (!loaded.ok || loaded.digest !== digest) return undefined
    if (this.#sets.size >= 16) this.#sets.clear()
    this.#sets.set(digest, loaded.set)
    return loaded.set
  }
}

/** Whether the active set forbids the action now. No usable set is a deny. */
export const deniesNow = (set: PolicySet | undefined, facts: Facts): Denies => {
  if (set === undefined) return noPolicy
  const denial = deniesOnly(set, facts)
  return { policySetDigest: set.digest, denied: denial !== undefined, rules: denial?.rules ?? [] }
}
