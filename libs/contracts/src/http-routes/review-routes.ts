import { Type } from 'typebox'
import { IntentState, RecordVerdictBody, ReviewView } from '../message.schema.ts'
import { PolicySetView, RecordedVerdict, ReviewList } from '../view.schema.ts'
import type { HttpRoute } from './route.ts'

const ofPerson = ['not_human', 'person_inactive'] as const

/** Why a verdict is not taken. */
export const ofVerdict = [
  'unknown_review',
  'review_closed',
  'review_expired',
  'self_approval',
  'owner_of_agent',
  'in_delegation_chain',
  'policy_author',
  'seated_by_party',
  'seat_unreviewed',
  'not_eligible',
  'seat_taken',
  'already_voted',
  'card_stale',
  'card_incomplete',
  'step_up_required',
  'reason_required',
  'unknown_event',
] as const

/** What reviewers call: served by notifier, and the active policy set by policy. */
export const reviewRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/v1/reviews',
    operation: 'listReviews',
    folder: 'notifier/channels/api',
    summary: 'Reviews that the caller holds a seat of, newest first; all of the tenant for auditors.',
    callers: ['reviewer', 'auditor'],
    query: Type.Object({
      state: Type.Optional(IntentState),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
    }),
    answers: [{ status: 200, description: 'Reviews without what they show', body: ReviewList }],
    refusals: [...ofPerson],
  },
  {
    method: 'GET',
    path: '/v1/reviews/{reviewId}',
    operation: 'readReview',
    folder: 'notifier/channels/api',
    summary: 'Read a review in full. Its presentation digest goes with the verdict.',
    callers: ['reviewer', 'auditor'],
    query: Type.Object({
      waitMs: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 25_000,
          default: 0,
          description: 'How long to wait for a review that is not known yet',
        }),
      ),
    }),
    answers: [{ status: 200, description: 'Everything there is to decide about', body: ReviewView }],
    // What somebody was shown is recorded before they see it.
    refusals: [...ofPerson, 'unknown_review', 'too_many_requests', 'store_not_adopted'],
  },
  {
    method: 'POST',
    path: '/v1/reviews/{reviewId}/verdicts',
    operation: 'recordVerdict',
    folder: 'notifier/channels/api',
    summary: 'Approve or deny what was shown.',
    callers: ['reviewer'],
    request: RecordVerdictBody,
    answers: [{ status: 201, description: 'Recorded, with the state that it led to', body: RecordedVerdict }],
    refusals: [...ofPerson, ...ofVerdict, 'account_not_linked', 'secret_in_field'],
  },
  {
    method: 'POST',
    path: '/callbacks/slack',
    operation: 'receiveSlackInteraction',
    folder: 'notifier/channels/slack',
    summary: 'Request URL of the Slack app: clicks and dialogs, signed by Slack.',
    callers: ['anyone'],
    requestContentType: 'application/x-www-form-urlencoded',
    answers: [{ status: 200, description: 'Taken; what a refusal says goes to whoever clicked' }],
    refusals: [
      'not_found',
      'token_invalid',
      'not_allowed',
      'invalid_request',
      'body_too_large',
      'unsupported_media_type',
    ],
  },
  {
    method: 'GET',
    path: '/v1/policy-sets/active',
    operation: 'readActivePolicySet',
    folder: 'policy/activate-policy-set',
    summary: 'The rules in force in the caller’s tenant.',
    callers: ['person'],
    answers: [{ status: 200, description: 'The active policy set', body: PolicySetView }],
    refusals: [...ofPerson, 'not_found'],
  },
]
