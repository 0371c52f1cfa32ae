import {
  ChangedGroup,
  ChangeGroupBody,
  LinkAccountBody,
  LinkedAccount,
  RegisteredPerson,
  RegisterPersonBody,
} from '../directory.schema.ts'
import type { HttpRoute } from './route.ts'

const ofOperator = ['not_human', 'person_inactive', 'not_allowed'] as const

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
    refusals: [...ofOperator, 'hidden_text'],
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
    refusals: [...ofOperator],
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
