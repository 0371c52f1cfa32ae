import { type EventOf, refuse, type Refusal } from '@countersign/contracts'
import { type Decision, type EventStore, registerStream } from '@countersign/event-store'
import { hasKey, type KeyOwner, removeKey } from './security-keys.ts'

export type RemoveKeyCommand = KeyOwner & { readonly keyId: string }

/**
 * Takes a security key away from its person: it signs nothing from then on, and is nobody's again. What was signed with it
 * stays signed. A key of somebody else does not exist for who asks.
 */
export class RemoveKey {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle(command: RemoveKeyCommand): Promise<{ readonly removed: true } | Refusal> {
    const { tenantId, person, keyId } = command
    const ref = registerStream(tenantId, 'security-key', keyId)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: (tx) => hasKey(tx, command),
        decide: (_command, _loaded, isTheirs): Decision<{ readonly removed: true } | Refusal> => {
          if (!isTheirs) return { append: [], answer: refuse('not_found') }
          const event: EventOf<'SecurityKeyRemoved'> = { type: 'SecurityKeyRemoved', data: { keyId, person } }
          return { append: [{ stream: ref, events: [event] }], answer: { removed: true } }
        },
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          if (!(await removeKey(tx, command))) throw new Error('a key that was there is gone')
        },
      },
    )
    return answer
  }
}
