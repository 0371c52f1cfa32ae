import type { RecordedEventOf } from '@countersign/contracts'
import { changedBy, entity, userOf } from './entity.ts'
import type { Meaning } from './meaning.ts'

type AccountEvent = RecordedEventOf<
  'AccountLinked' | 'AccountUnlinked' | 'SecurityKeyRegistered' | 'SecurityKeyRemoved'
>

/** Meaning of what a person can speak with: chat accounts and security keys. */
export const mapAccount = (event: AccountEvent): Meaning => {
  switch (event.type) {
    case 'AccountLinked': {
      const { accountId, provider, person, seeded, confirmed, changedBy: by } = event.data
      return {
        ...entity('enroll', 'account.link', { ...userOf(person) }),
        message: 'An account was linked to a person.',
        severity: seeded ? 1 : 2,
        actor: changedBy(by, 'notifier'),
        from: provider,
        unmapped: { seeded, account: accountId, ...(confirmed === undefined ? {} : { confirmed }) },
      }
    }
    case 'AccountUnlinked': {
      const { accountId, provider, person, changedBy: by } = event.data
      return {
        ...entity('unenroll', 'account.unlink', { ...userOf(person) }),
        message: 'An account was unlinked from a person.',
        severity: 2,
        actor: changedBy(by, 'notifier'),
        from: provider,
        unmapped: { account: accountId },
      }
    }
    case 'SecurityKeyRegistered': {
      const { keyId, person, publicKeyDigest, isBackedUp } = event.data
      return {
        ...entity('enroll', 'security-key.register', { ...userOf(person) }),
        message: 'A person registered a security key.',
        severity: 2,
        actor: changedBy(person, 'notifier'),
        from: 'notifier',
        unmapped: { key: keyId, public_key_digest: publicKeyDigest, is_backed_up: isBackedUp },
      }
    }
    case 'SecurityKeyRemoved': {
      const { keyId, person } = event.data
      return {
        ...entity('unenroll', 'security-key.remove', { ...userOf(person) }),
        message: 'A person removed a security key of theirs.',
        severity: 2,
        actor: changedBy(person, 'notifier'),
        from: 'notifier',
        unmapped: { key: keyId },
      }
    }
    default:
      return event satisfies never
  }
}
