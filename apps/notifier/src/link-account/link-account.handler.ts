import { type EventOf, refuse, type Refusal } from '@countersign/contracts'
import {
  type AccountEntry,
  accountsByUser,
  accountsOfPeople,
  type EventStore,
  newId,
  peopleById,
} from '@countersign/event-store'
import { nameId } from '@countersign/redaction'
import type { Change } from '../keep-directory/change.ts'
import { registerStream } from '../streams.ts'

/** An account on a platform, by the platform's own ids; names and addresses there prove nothing. */
export type LinkAccountCommand = Change & {
  readonly provider: string
  readonly teamId: string
  readonly userId: string
  /** Subject id of the person it belongs to. */
  readonly person: string
}

export type LinkedAccount = { readonly accountId: string; readonly person: string; readonly changed: boolean }

/**
 * Links a platform account to a person, once: an account that belongs to somebody is never given to somebody else, so
 * that nobody takes over another's seat. Somebody who links one to themselves has none in that workspace yet: who has one
 * was sent another's address. Events know the account by a random id; the platform's ids stay in the register.
 */
export class LinkAccount {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: LinkAccountCommand): Promise<LinkedAccount | Refusal> {
    const { tenantId, provider, teamId, userId, person, changedBy, seeded } = command
    const accountId = newId()
    const ref = registerStream(tenantId, nameId('account', tenantId, accountId))
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
            hasOther: others.some((other) => other.provider === provider && other.teamId === teamId),
          }
        },
        decide: (_command, _loaded, { account, isKnown, hasOther }) => {
          if (account !== undefined) return { append: [], answer: alreadyLinked(account, person) }
          if (!isKnown) return { append: [], answer: refuse('person_inactive', { pointer: '/person' }) }
          if (hasOther && changedBy === person) return { append: [], answer: refuse('account_taken') }
          const event: EventOf<'AccountLinked'> = {
            type: 'AccountLinked',
            data: { accountId, provider, person, changedBy, seeded },
          }
          return { append: [{ stream: ref, events: [event] }], answer: { accountId, person, changed: true } }
        },
        // Two who link the same account at once: the second one's row fails, and its retry finds the first one's.
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          await tx.query(
            `insert into countersign.account (tenant_id, provider, team_id, user_id, account_id, subject_id)
             values ($1, $2, $3, $4, $5, $6)`,
            [tenantId, provider, teamId, userId, accountId, person],
          )
        },
      },
    )
    return answer
  }
}

const alreadyLinked = (account: AccountEntry, person: string): LinkedAccount | Refusal =>
  account.subjectId === person
    ? { accountId: account.accountId, person, changed: false }
    : refuse('account_taken', { pointer: '/userId' })
