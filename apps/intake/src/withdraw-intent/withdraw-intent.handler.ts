import { refuse, type Refusal } from '@countersign/contracts'
import type { EventStore } from '@countersign/event-store'
import { isPublished } from '@countersign/intent'
import { speaksFor, type Caller } from '../caller.ts'
import { decideIntent } from '../decide-intent.ts'

/** Withdraws an intent that is not granted yet: its own producer or agent may, whoever owns the agent or it was made for, and operators. */
export class WithdrawIntent {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  handle(caller: Caller, intentId: string): Promise<Refusal | undefined> {
    return decideIntent({
      store: this.#store,
      tenantId: caller.tenantId,
      intentId,
      caller,
      command: 'withdraw_intent',
      make: ({ now, by, state }) => {
        if (!isPublished(state)) return refuse('unknown_intent')
        const { owners, onBehalfOf } = state.published
        const may =
          caller.kind === 'client'
            ? speaksFor(caller, state.published)
            : owners.includes(by) || onBehalfOf === by || caller.groups.includes('operators')
        return may ? { type: 'WithdrawIntent', now, by } : refuse('not_allowed')
      },
    })
  }
}
