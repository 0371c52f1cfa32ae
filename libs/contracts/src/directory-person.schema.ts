import { Type } from 'typebox'
import { event } from './event.ts'
import { closed, Identifier, PersonKind, Subjects, Uuid } from './primitives.ts'
import { ByFeed } from './register.schema.ts'

export const DirectoryPersonRegistered = event({
  name: 'DirectoryPersonRegistered',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'every decider reads the register itself',
  data: closed({
    person: Uuid,
    active: Type.Boolean(),
    kind: Type.Optional({ ...PersonKind, description: 'Absent where it does not change; human at first' }),
    changedBy: Type.Union([Uuid, Type.Null()]),
    seeded: Type.Boolean(),
    feed: ByFeed,
    deployment: Type.Optional(
      Type.Literal(true, {
        description: 'Whoever runs the deployment did it, who is of another tenant and not named here',
      }),
    ),
    reason: Type.Optional(Identifier),
    subjects: Subjects,
  }),
})

export const LoginFreed = event({
  name: 'LoginFreed',
  version: 1,
  kind: 'register',
  owner: 'notifier',
  ownerFolder: 'notifier/keep-directory',
  consumers: [],
  noConsumerBecause: 'it says who did it; that the person is inactive is in the history of the other tenant',
  data: closed({
    tenant: { ...Uuid, description: 'Where the login is nobody from then on' },
    person: { ...Uuid, description: 'Who it was there' },
    by: Uuid,
    reason: Identifier,
  }),
})
