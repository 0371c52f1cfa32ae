import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Identifier, Uuid } from './primitives.ts'

/** Two subjects of one tenant, the smaller id first. */
export const PeopleLinkPair = Type.Array(Uuid, { minItems: 2, maxItems: 2 })

/** `parting`: an operator asked to part them, and until another one has they stay one natural person. */
export const PeopleLinkState = Type.Union([Type.Literal('linked'), Type.Literal('parting'), Type.Literal('apart')])

export const DirectoryFeedDisconnected = event({
  name: 'DirectoryFeedDisconnected',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/take-scim',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ feedId: Uuid, changedBy: Uuid, reason: Identifier }),
})

export const DirectoryPeopleLinked = event({
  name: 'DirectoryPeopleLinked',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({ people: PeopleLinkPair, state: PeopleLinkState, changedBy: Uuid, reason: Identifier }),
})
