import type { Transaction } from '@countersign/event-store'
import { loadPolicySet, type PolicySet, type PolicySource } from '@countersign/policy-engine'

/** The set that the store names active for a tenant. */
export type ActiveSet = { readonly set: PolicySet; readonly activatedAt: string }

type Row = { tenant_id: string; digest: string; activated_at: Date; bundle: string | null }

const keptSets = 32

/**
 * The active policy sets of tenants. A digest names its texts, so a loaded set is kept and only its digest is read again.
 */
export class ActiveSets {
  readonly #loaded = new Map<string, PolicySet>()

  /** By tenant, as this transaction sees them; tenants without an active set that can be used are absent. */
  async read(tx: Transaction, tenantIds: readonly string[]): Promise<Map<string, ActiveSet>> {
    const { rows } = await tx.query<Row>(
      `select a.tenant_id, a.digest, a.activated_at,
         case when a.digest = any ($2::text[]) then null else s.bundle end as bundle
       from countersign.active_policy_set a join countersign.policy_set s using (tenant_id, digest)
       where a.tenant_id = any ($1::uuid[])`,
      [[...new Set(tenantIds)], [...this.#loaded.keys()]],
    )
    const found = new Map<string, ActiveSet>()
    for (const row of rows) {
      const set = this.#loaded.get(row.digest) ?? (row.bundle === null ? undefined : this.#load(row.digest, row.bundle))
      if (set !== undefined) found.set(row.tenant_id, { set, activatedAt: row.activated_at.toISOString() })
    }
    return found
  }

  /** Undefined for a bundle that this version of the engine does not read as the digest says: nothing is decided by it. */
  #load(digest: string, bundle: string): PolicySet | undefined {
    const loaded = loadPolicySet(JSON.parse(bundle) as PolicySource)
    if (!loaded.ok || loaded.digest !== digest) return undefined
    const oldest = this.#loaded.keys().next()
    if (this.#loaded.size >= keptSets && oldest.done !== true) this.#loaded.delete(oldest.value)
    this.#loaded.set(digest, loaded.set)
    return loaded.set
  }
}
