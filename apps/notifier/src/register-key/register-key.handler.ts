import { createHash } from 'node:crypto'
import { type EventOf, refuse, type Refusal } from '@countersign/contracts'
import { type Decision, type EventStore, newId, peopleById, registerStream } from '@countersign/event-store'
import { isKeyKnown, type KeyOwner, type SecurityKey, writeKey } from './security-keys.ts'

export type RegisterKeyCommand = KeyOwner & {
  readonly key: Omit<SecurityKey, 'keyId' | 'registeredAt'>
  readonly isBackedUp: boolean
}

export type RegisteredKey = { readonly keyId: string }

/** Gives a person one more security key. A key that is registered already stays its person's. */
export class RegisterKey {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  async handle({ tenantId, person, key, isBackedUp }: RegisterKeyCommand): Promise<RegisteredKey | Refusal> {
    const keyId = newId()
    const ref = registerStream(tenantId, 'security-key', keyId)
    const { answer } = await this.#store.execute(
      { streams: [ref] },
      {
        read: async (tx) => {
          const [found] = await peopleById(tx, [{ tenantId, subjectId: person }])
          return { isActive: found?.active === true, isKnown: await isKeyKnown(tx, key.credentialId) }
        },
        decide: (_command, _loaded, { isActive, isKnown }): Decision<RegisteredKey | Refusal> => {
          if (!isActive) return { append: [], answer: refuse('person_inactive') }
          if (isKnown) return { append: [], answer: refuse('key_taken') }
          const publicKeyDigest = `sha256:${createHash('sha256').update(key.publicKey).digest('hex')}`
          const event: EventOf<'SecurityKeyRegistered'> = {
            type: 'SecurityKeyRegistered',
            data: { keyId, person, publicKeyDigest, isBackedUp },
          }
          return { append: [{ stream: ref, events: [event] }], answer: { keyId } }
        },
        // Two who register the same key at once: the second one's row fails, and its retry finds the first one's.
        effects: async (tx, [decided]) => {
          if (decided === undefined || decided.events.length === 0) return
          await writeKey(tx, { tenantId, person }, { ...key, keyId })
        },
      },
    )
    return answer
  }
}
