import { ofVerdict } from './review-routes.ts'
import type { HttpRoute, RouteAnswer } from './route.ts'

const page = (description: string): RouteAnswer => ({ status: 200, description, contentType: 'text/html' })
const form = 'application/x-www-form-urlencoded'
/** A page stands on its own: who may use it comes from its address and from a sign-in, never from a bearer token. */
const ofForm = ['not_found', 'not_allowed', 'invalid_request', 'body_too_large', 'unsupported_media_type'] as const

/** Pages for people, served by notifier. A GET of theirs decides nothing. */
export const pageRoutes: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/me/sign-in',
    operation: 'beginSignIn',
    folder: 'notifier/sign-in',
    summary: 'Sign in with the identity provider, to come back to a page of ours.',
    callers: ['anyone'],
    requestContentType: form,
    answers: [page('On to the identity provider')],
    refusals: [...ofForm, 'identity_provider_unavailable'],
  },
  {
    method: 'GET',
    path: '/me/sign-in/callback',
    operation: 'finishSignIn',
    folder: 'notifier/sign-in',
    summary: 'Where the identity provider sends people back.',
    callers: ['anyone'],
    answers: [page('On to the page that asked for the sign-in')],
    refusals: ['not_found', 'token_invalid', 'person_inactive', 'identity_provider_unavailable'],
  },
  {
    method: 'GET',
    path: '/me/link/{ticket}',
    operation: 'showLinkPage',
    folder: 'notifier/link-account',
    summary: 'Whose chat account an address from the chat is about; changes nothing.',
    callers: ['anyone'],
    answers: [page('The account, and how to take it')],
    refusals: ['not_found', 'address_used', 'not_allowed'],
  },
  {
    method: 'POST',
    path: '/me/link/{ticket}',
    operation: 'confirmLink',
    folder: 'notifier/link-account',
    summary: 'Take the chat account as one’s own, signed in as oneself. The address works once.',
    callers: ['anyone'],
    requestContentType: form,
    answers: [page('Linked')],
    refusals: [...ofForm, 'address_used', 'account_taken', 'person_inactive', 'store_not_adopted'],
  },
  {
    method: 'GET',
    path: '/me/verdict/{ticket}',
    operation: 'showVerdictPage',
    folder: 'notifier/step-up',
    summary: 'The whole review, for the person who pressed approve in a chat and has to prove more; decides nothing.',
    callers: ['anyone'],
    answers: [page('A sign-in, then everything there is to decide about')],
    refusals: [
      'not_found',
      'address_used',
      'not_allowed',
      'not_eligible',
      'card_stale',
      'review_closed',
      'store_not_adopted',
    ],
  },
  {
    method: 'POST',
    path: '/me/verdict/{ticket}',
    operation: 'decideOnPage',
    folder: 'notifier/step-up',
    summary: 'Approve or deny what the page showed. The address works for one verdict.',
    callers: ['anyone'],
    requestContentType: form,
    answers: [page('Recorded, with the state that it led to')],
    refusals: [...ofForm, ...ofVerdict, 'signature_invalid', 'address_used', 'store_not_adopted'],
  },
  {
    method: 'GET',
    path: '/me/keys',
    operation: 'showKeysPage',
    folder: 'notifier/register-key',
    summary: 'The security keys of whoever is signed in on a page.',
    callers: ['anyone'],
    answers: [page('A sign-in, then the keys')],
    refusals: ['not_found'],
  },
  {
    method: 'POST',
    path: '/me/keys',
    operation: 'registerKey',
    folder: 'notifier/register-key',
    summary: 'Add a security key or passkey, right after a sign-in with several factors.',
    callers: ['anyone'],
    requestContentType: form,
    answers: [page('Added')],
    refusals: [...ofForm, 'step_up_required', 'signature_invalid', 'key_taken', 'person_inactive', 'store_not_adopted'],
  },
]
