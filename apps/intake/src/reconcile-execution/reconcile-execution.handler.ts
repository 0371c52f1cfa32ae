import { refuse, type Refusal } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import type pg from 'pg'
import type { PersonCaller } from '../caller.ts'
import { decideIntent } from '../decide-intent.ts'
import { findGrant } from '../issued-grant.ts'

/** An operator found out what became of an execution that nobody reported. */
export class ReconcileExecution {
  readonly #pool: pg.Pool
  readonly #store: EventStore

  constructor(pool: pg.Pool, store: EventStore) {
    this.#pool = pool
    this.#store = store
  }

  async handle(caller: PersonCaller, grantId: string, outcome: 'succeeded' | 'failed'): Promise<Refusal | undefined> {
    const grant = await findGrant(this.#pool, grantId, caller.tenantId)
    if (grant === undefined) return refuse('unknown_grant')
    return decideIntent({
      store: this.#store,
      tenantId: grant.tenantId,
      intentId: grant.intentId,
      caller,
      command: 'reconcile_execution',
      make: ({ now, by }) =>
        caller.groups.includes('operators') ? { type: 'ReconcileExecution', now, by, outcome } : refuse('not_allowed'),
    })
  }
}
