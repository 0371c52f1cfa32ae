import { refuse, type EventData, type Refusal } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import { isPublished, type Intent } from '@countersign/intent'
import type pg from 'pg'
import { speaksFor, type Caller } from '../caller.ts'
import { decideIntent } from '../decide-intent.ts'
import { findGrant, rememberGrant } from '../issued-grant.ts'

type Cause = EventData<'GrantRevoked'>['cause']

/** As what a caller may end a grant: an owner of the agent, its own producer or agent, who could have reviewed it, an operator. */
const causeOf = (caller: Caller, by: string, { published, review }: Intent): Cause | undefined => {
  if (caller.kind === 'client') return speaksFor(caller, published) ? 'owner' : undefined
  if (published.owners.includes(by) || published.onBehalfOf === by) return 'owner'
  if (review?.seats.some(({ group }) => caller.groups.includes(group)) === true) return 'reviewer'
  return caller.groups.includes('operators') ? 'operator' : undefined
}

/** Ends a grant at once. It never depends on the bus: the next redeem reads it from the store. */
export class RevokeGrant {
  readonly #pool: pg.Pool
  readonly #store: EventStore

  constructor(pool: pg.Pool, store: EventStore) {
    this.#pool = pool
    this.#store = store
  }

  async handle(caller: Caller, grantId: string): Promise<Refusal | undefined> {
    const grant = await findGrant(this.#pool, grantId, caller.tenantId)
    if (grant === undefined) return refuse('unknown_grant')
    return decideIntent({
      store: this.#store,
      tenantId: grant.tenantId,
      intentId: grant.intentId,
      caller,
      command: 'revoke_grant',
      make: ({ now, by, state }) => {
        if (!isPublished(state)) return refuse('unknown_grant')
        const cause = causeOf(caller, by, state)
        return cause === undefined ? refuse('not_allowed') : { type: 'RevokeGrant', now, grantId, by, cause }
      },
      effects: (tx) => rememberGrant(tx, grant, null),
    })
  }
}
