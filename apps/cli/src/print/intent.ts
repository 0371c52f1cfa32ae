import type { IntentView } from '@countersign/contracts'
import { plain, shortDigest } from './words.ts'

/** `data-owners 1, security-admins 1`: who has to look. */
export const seatsOf = (intent: IntentView): string =>
  (intent.review?.seats ?? []).map(({ group, count }) => `${group} ${count}`).join(', ')

/** One line on where an intent stands and why. */
export const standing = (intent: IntentView): string => {
  const rules = intent.rules.length === 0 ? '' : ` by ${intent.rules.join(', ')}`
  switch (intent.state) {
    case 'published':
      return 'published, policy has not answered yet'
    case 'in_review':
      return `waiting for ${seatsOf(intent)}${rules}, until ${intent.review?.deadline ?? intent.deadline}`
    case 'denied':
      return `denied: ${intent.code ?? 'policy_denied'}${rules}`
    default:
      return `${intent.state.replaceAll('_', ' ')}${rules}`
  }
}

/** An intent for a person to read. */
export const intentLines = (intent: IntentView): string[] => [
  `intent      ${intent.intentId}`,
  `action      ${plain(intent.action)}`,
  `target      ${plain(intent.target)}`,
  `environment ${plain(intent.environment)}`,
  `state       ${standing(intent)}`,
  ...intent.reasons.flatMap(({ rule, text }) => (text === undefined ? [] : [`reason      ${plain(text)} (${rule})`])),
  ...(intent.review === undefined ? [] : [`review      ${intent.review.reviewId}`]),
  ...(intent.grantId === undefined ? [] : [`grant       ${intent.grantId}`]),
  `digest      ${shortDigest(intent.actionDigest)}`,
  `deadline    ${intent.deadline}`,
]
