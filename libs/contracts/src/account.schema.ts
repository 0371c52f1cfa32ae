import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Digest, Identifier, ShortName, Uuid } from './primitives.ts'

export const AccountUnlinked = event({
  name: 'AccountUnlinked',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/link-account',
  consumers: [],
  noConsumerBecause: 'record-verdict reads the register itself',
  data: closed({
    accountId: Uuid,
    provider: ShortName,
    person: Uuid,
    changedBy: Uuid,
    reason: Identifier,
  }),
})

export const SecurityKeyRegistered = event({
  name: 'SecurityKeyRegistered',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/register-key',
  consumers: [],
  noConsumerBecause: 'step-up reads its own table of keys',
  data: closed({
    keyId: Uuid,
    person: Uuid,
    publicKeyDigest: { ...Digest, description: 'SHA-256 over the COSE key' },
    isBackedUp: Type.Boolean({ description: 'The key may be on several devices of its person' }),
  }),
})

export const SecurityKeyRemoved = event({
  name: 'SecurityKeyRemoved',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/register-key',
  consumers: [],
  noConsumerBecause: 'step-up reads its own table of keys',
  data: closed({ keyId: Uuid, person: Uuid }),
})
