import { type EventOf, refuse, type Refusal } from '@countersign/contracts'
import {
  type AccountEntry,
  accountsByUser,
  accountsOfPeople,
  type Decision,
  type EventStore,
  newId,
  peopleById,
  registerStream,
} from '@countersign/event-store'
import type { Change } from '../keep-directory/change.ts'

/** An account on a platform, by the platform's own ids; names and addresses there prove nothing. */
export type LinkAccountCommand = Change & {
  readonly provider: string
  readonly teamId: string
  readonly userId: string
  /** Subject id of the person it belongs to. */
  readonly person: string
  /** The person has said so themselves, from the account and signed in. What a deployment seeds is taken to be. */
  readonly confirmed?: boolean
}

export type LinkedAccount = { readonly accountId: string; readonly person: string; readonly changed: boolean }

/** What linking comes to; `toConfirm` is an account that waits for its person, who is here. */
type Outcome = LinkedAccount | Refusal | { readonly toConfirm: string }

/**
 * Links a platform account to a person, once: an account that belongs to somebody is never given to somebody else, so
 * that nobody takes over another's seat. What an operator links speaks for nobody until its person has confirmed it: else an
 * operator could approve in anybody's name. Somebody who links one to themselves has none in that workspace yet: who has
 * one was sent another's address. Events know the account by a random id; the platform's ids stay in the register.
 */
export class LinkAccount {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: LinkAccountCommand): Promise<LinkedAccount | Refusal> {
    const outcome = await this.#link(command, newId())
    if (!('toConfirm' in outcome)) return outcome
    const confirmed = await this.#link(command, outcome.toConfirm)
    // Unlinked meanwhile, and linked anew by somebody else.
    return 'toConfirm' in confirmed ? refuse('account_taken', { pointer: '/userId' }) : confirmed
  }

  async #link(command: LinkAccountCommand, accountId: string): Promise<Outcome> {
    const { tenantId, provider, teamId, userId, person, changedBy, seeded } = command
    const confirmed = seeded || command.confirmed === true
    const ref = registerStream(tenantId, 'account', accountId)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: async (tx) => {
          const linked = await accountsByUser(tx, [{ provider, teamId, userId }])
          const [found] = await peopleById(tx, [{ tenantId, subjectId: person }])
          const others = await accountsOfPeople(tx, [{ tenantId, subjectId: person }])
          return {
            account: linked.find((account: AccountEntry) => account.tenantId === tenantId),
            isKnown: found?.active === true,
            hasOther: others.some(
              (other) =>
                other.provider === provider && other.teamId === teamId && other.userId !== userId && other.confirmed,
            ),
          }
        },
        decide: (_command, _loaded, { account, isKnown, hasOther }): Decision<Outcome> => {
          if (account !== undefined && account.subjectId !== person)
            return { append: [], answer: refuse('account_taken', { pointer: '/userId' }) }
          if (account !== undefined && (account.confirmed || !confirmed))
            return { append: [], answer: { accountId: account.accountId, person, changed: false } }
          if (!isKnown) return { append: [], answer: refuse('person_inactive', { pointer: '/person' }) }
          if (hasOther && changedBy === person) return { append: [], answer: refuse('account_taken') }
          if (account !== undefined && account.accountId !== accountId)
            return { append: [], answer: { toConfirm: account.accountId } }
          const event: EventOf<'AccountLinked'> = {
            type: 'AccountLinked',
            data: { accountId, provider, person, changedBy, seeded, confirmed },
          }
          return { append: [{ stream: ref, events: [event] }], answer: { accountId, person, changed: true } }
        },
        // Two who link the same account at once: the second one's row fails, and its retry finds the first one's.
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          const { rowCount } = await tx.query(
            'update countersign.account set confirmed = $3 where tenant_id = $1 and account_id = $2',
            [tenantId, accountId, confirmed],
          )
          if (rowCount === 1) return
          await tx.query(
            `insert into countersign.account (tenant_id, provider, team_id, user_id, account_id, subject_id, confirmed)
             values ($1, $2, $3, $4, $5, $6, $7)`,
            [tenantId, provider, teamId, userId, accountId, person, confirmed],
          )
        },
      },
    )
    return answer
  }
}
