import { type EventOf, refuse, type Refusal } from '@countersign/contracts'
import {
  accountById,
  type AccountEntry,
  type Decision,
  type EventStore,
  registerStream,
} from '@countersign/event-store'

export type UnlinkAccountCommand = {
  readonly tenantId: string
  readonly accountId: string
  readonly by: string
  /** Operators unlink anybody's account, everybody else their own. */
  readonly mayUnlinkAll: boolean
  readonly reason: string
}

export type UnlinkedAccount = { readonly accountId: string; readonly person: string }

/**
 * Takes an account away from its person. Verdicts that were given with it stay what they are; the next click with it is
 * somebody's of whom nothing is known. What is somebody else's does not exist for who may not see it.
 */
export class UnlinkAccount {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle({
    tenantId,
    accountId,
    by,
    mayUnlinkAll,
    reason,
  }: UnlinkAccountCommand): Promise<UnlinkedAccount | Refusal> {
    const ref = registerStream(tenantId, 'account', accountId)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: (tx): Promise<AccountEntry | undefined> => accountById(tx, { tenantId, accountId }),
        decide: (_command, _loaded, account): Decision<UnlinkedAccount | Refusal> => {
          if (account === undefined || !(mayUnlinkAll || account.subjectId === by))
            return { append: [], answer: refuse('not_found') }
          const { provider, subjectId: person } = account
          const event: EventOf<'AccountUnlinked'> = {
            type: 'AccountUnlinked',
            data: { accountId, provider, person, changedBy: by, reason },
          }
          return { append: [{ stream: ref, events: [event] }], answer: { accountId, person } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          await tx.query('delete from countersign.account where tenant_id = $1 and account_id = $2', [
            tenantId,
            accountId,
          ])
        },
      },
    )
    return answer
  }
}
