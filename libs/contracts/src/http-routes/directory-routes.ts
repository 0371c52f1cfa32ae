import {
  ChangedGroup,
  ChangeGroupBody,
  ConnectedFeed,
  ConnectFeedBody,
  LinkAccountBody,
  LinkedAccount,
  RegisteredPerson,
  RegisterPersonBody,
} from '../directory.schema.ts'
import { Type } from 'typebox'
import { GroupName, Uuid } from '../primitives.ts'
import { GroupList, PeopleList, ReviewedEntry, ReviewEntryBody } from '../register-entry.schema.ts'
import { limit, ofOperator, readers } from './register-routes.ts'
import type { HttpRoute } from './route.ts'

/** What operators call to say who decides: served by notifier. */
export const directoryRoutes: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/v1/directory/people',
    operation: 'registerPerson',
    folder: 'notifier/keep-directory',
    summary: 'Register a person, or change their name or whether they are active.',
    callers: ['operator'],
    request: RegisterPersonBody,
    answers: [{ status: 200, description: 'Registered, now or before', body: RegisteredPerson }],
    refusals: [...ofOperator, 'directory_fed', 'hidden_text', 'secret_in_field'],
  },
  {
    method: 'POST',
    path: '/v1/directory/groups',
    operation: 'changeGroup',
    folder: 'notifier/keep-directory',
    summary: 'Add people to a group, or remove them. Who changes a group fills none of its seats for seven days.',
    callers: ['operator'],
    request: ChangeGroupBody,
    answers: [{ status: 200, description: 'The group as it stands', body: ChangedGroup }],
    refusals: [...ofOperator, 'directory_fed', 'hidden_text', 'secret_in_field'],
  },
  {
    method: 'GET',
    path: '/v1/directory/people',
    operation: 'listPeople',
    folder: 'notifier/keep-directory',
    summary: 'People of the tenant’s directory with their groups, by subject id.',
    callers: readers,
    query: Type.Object({
      person: Type.Optional(Uuid),
      issuer: Type.Optional(Type.String({ maxLength: 512 })),
      subject: Type.Optional(Type.String({ maxLength: 255 })),
      group: Type.Optional(GroupName),
      after: Type.Optional(Uuid),
      limit,
    }),
    answers: [{ status: 200, description: 'A page of people', body: PeopleList }],
    refusals: [...ofOperator],
  },
  {
    method: 'GET',
    path: '/v1/directory/groups',
    operation: 'listGroups',
    folder: 'notifier/keep-directory',
    summary: 'Groups of the tenant’s directory by name, with the changes that nobody else has reviewed.',
    callers: readers,
    query: Type.Object({ name: Type.Optional(GroupName), after: Type.Optional(GroupName), limit }),
    answers: [{ status: 200, description: 'A page of groups', body: GroupList }],
    refusals: [...ofOperator],
  },
  {
    method: 'POST',
    path: '/v1/directory/groups/review',
    operation: 'reviewGroup',
    folder: 'notifier/keep-directory',
    summary: 'Say that somebody else’s changes of a group are as they should be. Recorded.',
    callers: ['operator', 'security-admin'],
    request: ReviewEntryBody,
    answers: [{ status: 200, description: 'What was reviewed, and what the caller may not', body: ReviewedEntry }],
    refusals: [...ofOperator, 'not_found', 'own_change', 'hidden_text', 'secret_in_field'],
  },
  {
    method: 'POST',
    path: '/v1/directory/feed',
    operation: 'connectFeed',
    folder: 'notifier/take-scim',
    summary:
      'Let an identity provider keep the directory by SCIM. Its credential is in the answer only, and ends the one before.',
    callers: ['operator'],
    request: ConnectFeedBody,
    answers: [{ status: 200, description: 'The credential', body: ConnectedFeed }],
    refusals: [...ofOperator, 'hidden_text', 'secret_in_field'],
  },
  {
    method: 'POST',
    path: '/v1/accounts',
    operation: 'linkAccount',
    folder: 'notifier/link-account',
    summary: 'Link an account of a chat platform to a person. A linked account is never given to somebody else.',
    callers: ['operator'],
    request: LinkAccountBody,
    answers: [{ status: 200, description: 'Linked, now or before', body: LinkedAccount }],
    refusals: [...ofOperator, 'account_taken'],
  },
]
