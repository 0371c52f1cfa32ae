import { Type } from 'typebox'
import { closed, GroupName, Identifier, PersonKind, ProducerName, SeatsGiven, ShortName, Uuid } from './primitives.ts'
import { PeopleLinkPair, PeopleLinkState } from './directory-link.schema.ts'
import { OpenChange } from './register-entry.schema.ts'
import { SubjectFrom } from './register.schema.ts'

const Reason = Type.Optional(Identifier)

/** Body of `POST /v1/directory/people`. */
export const RegisterPersonBody = closed({
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subject: Type.String({ minLength: 1, maxLength: 255 }),
  displayName: ShortName,
  email: Type.Optional(ShortName),
  active: Type.Optional(Type.Boolean({ description: 'Who is not active decides nothing; true when absent' })),
  kind: Type.Optional({ ...PersonKind, description: 'Only humans decide; as it was when absent' }),
  reason: Reason,
})
export type RegisterPersonBody = Type.Static<typeof RegisterPersonBody>

/** Answer of `POST /v1/directory/people`. */
export const RegisteredPerson = closed({ person: Uuid, changed: Type.Boolean() })

const Login = {
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subject: Type.String({ minLength: 1, maxLength: 255 }),
}

/** Answer of `GET /v1/directory/logins`. */
export const LoginTenants = closed({
  tenants: Type.Array(closed({ tenantId: Uuid, name: ProducerName, person: Uuid }), {
    description: 'Where the login is an active person; in several it is nobody',
  }),
})
export type LoginTenants = Type.Static<typeof LoginTenants>

/** Body of `POST /v1/directory/logins/free`. */
export const FreeLoginBody = closed({ ...Login, tenantId: Uuid, reason: Identifier })
export type FreeLoginBody = Type.Static<typeof FreeLoginBody>

/** Answer of `POST /v1/directory/logins/free`. */
export const FreedLogin = closed({ tenantId: Uuid, person: Uuid })
export type FreedLogin = Type.Static<typeof FreedLogin>

const people = Type.Optional(Type.Array(Uuid, { maxItems: 256 }))

/** Body of `POST /v1/directory/groups`. */
export const ChangeGroupBody = closed({ group: GroupName, add: people, remove: people, reason: Reason })
export type ChangeGroupBody = Type.Static<typeof ChangeGroupBody>

/** Answer of `POST /v1/directory/groups`. */
export const ChangedGroup = closed({
  group: GroupName,
  members: Type.Array(Uuid),
  changed: Type.Boolean(),
  seats: Type.Optional(SeatsGiven),
})
export type ChangedGroup = Type.Static<typeof ChangedGroup>

/** Body of `POST /v1/accounts`. */
export const LinkAccountBody = closed({
  provider: Type.Union([Type.Literal('slack'), Type.Literal('teams')]),
  teamId: ShortName,
  userId: ShortName,
  person: Uuid,
})
export type LinkAccountBody = Type.Static<typeof LinkAccountBody>

/** Body of `POST /v1/accounts/{accountId}/unlink`. */
export const UnlinkAccountBody = closed({ reason: Identifier })
export type UnlinkAccountBody = Type.Static<typeof UnlinkAccountBody>

/** Answer of `POST /v1/accounts/{accountId}/unlink`. */
export const UnlinkedAccount = closed({ accountId: Uuid, person: Uuid })

/** Answer of `POST /v1/accounts`. */
export const LinkedAccount = closed({ accountId: Uuid, person: Uuid, changed: Type.Boolean() })

/** Body of `POST /v1/directory/feed`. */
export const ConnectFeedBody = closed({
  issuer: Type.String({ minLength: 1, maxLength: 512 }),
  subjectFrom: SubjectFrom,
  maxAgeMs: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: 2_592_000_000,
      description: 'How long the directory may be silent before nothing is decided by it; no end when absent',
    }),
  ),
  reason: Identifier,
})
export type ConnectFeedBody = Type.Static<typeof ConnectFeedBody>

/** Answer of `POST /v1/directory/feed`: the only time that the credential is shown. */
export const ConnectedFeed = closed({ feedId: Uuid, token: Type.String(), path: Type.String() })
export type ConnectedFeed = Type.Static<typeof ConnectedFeed>

/** Body of `POST /v1/directory/feed/disconnect`. */
export const DisconnectFeedBody = closed({ reason: Identifier })
export type DisconnectFeedBody = Type.Static<typeof DisconnectFeedBody>

/** Answer of `POST /v1/directory/feed/disconnect`. */
export const DisconnectedFeed = closed({ feedId: Uuid, openChanges: Type.Array(OpenChange) })
export type DisconnectedFeed = Type.Static<typeof DisconnectedFeed>

/** Body of `POST /v1/directory/people/link`. */
export const LinkPeopleBody = closed({
  people: PeopleLinkPair,
  same: Type.Boolean({ description: 'Whether the two are one natural person; parting them takes two operators' }),
  reason: Identifier,
})
export type LinkPeopleBody = Type.Static<typeof LinkPeopleBody>

/** Answer of `POST /v1/directory/people/link`. */
export const LinkedPeople = closed({ people: PeopleLinkPair, state: PeopleLinkState, changed: Type.Boolean() })
export type LinkedPeople = Type.Static<typeof LinkedPeople>
