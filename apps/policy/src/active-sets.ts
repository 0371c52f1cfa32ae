import { prepared, type Transaction } from '@countersign/event-store'
import { acceptedPolicySet, type PolicySet, type PolicySource } from '@countersign/policy-engine'

/**
 * The set that the store names active for a tenant. It has no `set` when this version of the engine does not read the
 * texts as the digest says: the tenant has a policy, but nothing is decided by it here.
 */
export type ActiveSet = { readonly digest: string; readonly activatedAt: string; readonly set: PolicySet | undefined }
export type UsableSet = ActiveSet & { readonly set: PolicySet }

export const isUsable = (active: ActiveSet | undefined): active is UsableSet => active?.set !== undefined

type Row = { tenant_id: string; digest: string; activated_at: Date; bundle: string | null }

/** Loads a stored bundle; undefined when it is not, under this engine, the set that the digest names. */
export const loadBundle = (digest: string, bundle: string): PolicySet | undefined => {
  const source = parsed(bundle)
  return source === undefined ? undefined : acceptedPolicySet(source, digest)
}

const parsed = (bundle: string): PolicySource | undefined => {
  try {
    const { schema, policies } = JSON.parse(bundle) as Partial<PolicySource>
    const isText = (value: unknown) => typeof value === 'string'
    return typeof schema === 'string' && typeof policies === 'object' && Object.values(policies).every(isText)
      ? { schema, policies }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * The active policy sets of tenants. A digest names its texts, so a loaded set is kept and only its digest is read again.
 */
export class ActiveSets {
  readonly #loaded = new Map<string, PolicySet>()
  /** Texts that were tried in vain, by digest: trying takes long, and would hold up the other tenants each time. */
  readonly #unreadable = new Map<string, string>()
  readonly #kept: number

  /** Keeps so many loaded sets, each with an engine of its own. */
  constructor(kept = 32) {
    this.#kept = kept
  }

  /** By tenant, as this transaction sees them; only tenants without any active set are absent. */
  async read(tx: Transaction, tenantIds: readonly string[]): Promise<Map<string, ActiveSet>> {
    // Another read may replace what is kept while the rows come: a bundle that was not asked for is in here.
    const kept = new Map(this.#loaded)
    const { rows } = await tx.query<Row>(
      prepared(
        `select a.tenant_id, a.digest, a.activated_at,
         case when a.digest = any ($2::text[]) then null else s.bundle end as bundle
       from countersign.active_policy_set a join countersign.policy_set s using (tenant_id, digest)
       where a.tenant_id = any ($1::uuid[])`,
        [[...new Set(tenantIds)], [...kept.keys()]],
      ),
    )
    return new Map(
      rows.map(({ tenant_id: tenantId, digest, activated_at: activatedAt, bundle }) => {
        const set = kept.get(digest) ?? this.#loaded.get(digest) ?? this.#load(digest, bundle ?? '')
        return [tenantId, { digest, activatedAt: activatedAt.toISOString(), set }]
      }),
    )
  }

  #load(digest: string, bundle: string): PolicySet | undefined {
    if (this.#unreadable.get(digest) === bundle) return undefined
    const set = loadBundle(digest, bundle)
    if (set === undefined) this.#keep(this.#unreadable, digest, bundle)
    else this.#keep(this.#loaded, digest, set)
    return set
  }

  #keep<Value>(values: Map<string, Value>, digest: string, value: Value): void {
    const oldest = values.keys().next()
    if (values.size >= this.#kept && oldest.done !== true) values.delete(oldest.value)
    values.set(digest, value)
  }
}
