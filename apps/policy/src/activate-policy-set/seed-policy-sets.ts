import { StoreNotAdopted } from '@countersign/event-store'
import type { Consumer, Log } from '@countersign/service-kit'
import type { PolicySource } from '@countersign/policy-engine'
import type pg from 'pg'
import type { ActivatePolicySet } from './activate-policy-set.handler.ts'

/** Ids of every tenant of the store. */
export const tenantsOf = async (db: Pick<pg.Pool, 'query'>): Promise<string[]> => {
  const { rows } = await db.query<{ tenant_id: string }>('select tenant_id from countersign.tenant order by tenant_id')
  return rows.map((row) => row.tenant_id)
}

/**
 * Gives every tenant its first policy set: those that exist when the service starts, and others when their first intent
 * arrives. A folder that was changed later changes nothing by itself: a set in use is replaced by an activation only.
 */
export class SeedPolicySets implements Consumer {
  readonly name = 'seed-policy-sets'
  readonly #pool: pg.Pool
  readonly #activation: ActivatePolicySet
  readonly #source: PolicySource
  readonly #log: Log

  constructor(pool: pg.Pool, activation: ActivatePolicySet, source: PolicySource, log: Log) {
    this.#pool = pool
    this.#activation = activation
    this.#source = source
    this.#log = log
  }

  async start(): Promise<void> {
    try {
      await this.seed(await tenantsOf(this.#pool))
    } catch (error) {
      if (!(error instanceof StoreNotAdopted)) throw error
      this.#log.warn({ err: error }, 'tenants without a policy set get theirs with their first intent')
    }
  }

  async stop(): Promise<void> {}

  async seed(tenantIds: readonly string[]): Promise<void> {
    for (const tenantId of tenantIds) {
      const activation = await this.#activation.seed(tenantId, this.#source)
      if (activation.status === 'activated') this.#log.info({ tenantId, digest: activation.digest }, 'first policy set')
      if (activation.status === 'refused')
        this.#log.error({ tenantId, problems: activation.problems }, 'the policy folder holds no usable policy set')
    }
  }
}
