import type { AttemptEventName, RecordedEventOf } from '@countersign/contracts'
import { failed, succeeded, type Actor, type Meaning } from './meaning.ts'

const api = (activity: string) => ({ class: 'api_activity', activity: [99, activity] }) as const

/** Codes that say: this person may not decide this. An approval that meets one of them is an alert. */
const unauthorizedReviewer = new Set([
  'self_approval',
  'owner_of_agent',
  'in_delegation_chain',
  'policy_author',
  'seated_by_party',
  'seat_unreviewed',
  'not_eligible',
  'not_human',
  'account_not_linked',
  'person_inactive',
  'not_allowed',
])
/** Codes that say: somebody tried to use a grant that is not theirs, or for something else. */
const misusedGrant = new Set([
  'binding_mismatch',
  'wrong_executor',
  'already_redeemed',
  'grant_token_invalid',
  'dpop_wrong_key',
  'dpop_replayed',
  'dpop_other_request',
  'dpop_other_token',
  'grant_mismatch',
  'tenant_mismatch',
  'intent_mismatch',
  'agent_mismatch',
  'on_behalf_of_mismatch',
  'binding_version_mismatch',
  'action_mismatch',
  'target_mismatch',
  'environment_mismatch',
  'parameters_mismatch',
])
/** Codes of a refused report that say: it ran, and nothing was redeemed for it. */
const unauthorizedRun = new Set(['unknown_grant', 'not_redeemed'])
const notTheirs = new Set(['wrong_executor', 'agent_not_yours', 'not_allowed', 'not_human', 'unknown_producer'])

const orService = (person: string | null, service: string): Actor => (person === null ? { service } : { person })

/** Meaning of an attempt: what was shown, delivered, or refused. */
export const mapAttempt = (event: RecordedEventOf<AttemptEventName>): Meaning => {
  switch (event.type) {
    case 'ActionIntentRefused': {
      const { producer, code, pointer, count, bytesDigest } = event.data
      return {
        ...api('Refuse'),
        operation: 'intent.publish',
        message: 'A request was refused before it became an intent.',
        outcome: notTheirs.has(code) ? 'unauthorized' : 'blocked',
        status: failed(code, pointer),
        severity: 2,
        actor: { service: producer ?? 'unknown producer' },
        from: producer ?? 'intake',
        count,
        unmapped: bytesDigest === undefined ? {} : { bytes_digest: bytesDigest },
      }
    }
    case 'CommandRefused': {
      const { command, code, by, count } = event.data
      const isUnauthorizedRun = command === 'report_execution' && unauthorizedRun.has(code)
      return {
        ...api('Refuse'),
        operation: `command.${command}`,
        message: isUnauthorizedRun ? 'A run was reported without a redeemed grant.' : 'A command was refused.',
        outcome: isUnauthorizedRun || notTheirs.has(code) ? 'unauthorized' : 'blocked',
        status: failed(code),
        severity: isUnauthorizedRun ? 4 : 2,
        ...(isUnauthorizedRun ? { isAlert: true } : {}),
        actor: orService(by, 'unknown'),
        from: 'intake',
        count,
      }
    }
    case 'ReviewPresented': {
      const { channel, reader, complete, reviewId, presentationDigest } = event.data
      return {
        ...api('Present'),
        operation: 'review.present',
        message: 'A review was put before a reader.',
        outcome: 'logged',
        status: succeeded,
        actor: orService(reader, 'notifier'),
        from: channel,
        unmapped: { review: reviewId, presentation_digest: presentationDigest, complete },
      }
    }
    case 'ReviewDelivered':
      return {
        ...api('Deliver'),
        operation: 'review.deliver',
        message: 'A card was delivered.',
        outcome: 'logged',
        status: succeeded,
        actor: { service: 'notifier' },
        from: event.data.channel,
        unmapped: { review: event.data.reviewId, presentation_digest: event.data.presentationDigest },
      }
    case 'ReviewDeliveryFailed':
      return {
        ...api('Deliver'),
        operation: 'review.deliver',
        message: 'A card could not be delivered; it is tried again.',
        outcome: 'logged',
        status: failed(event.data.code),
        severity: 2,
        actor: { service: 'notifier' },
        from: event.data.channel,
        unmapped: { review: event.data.reviewId, attempt: event.data.attempt },
      }
    case 'VerdictRefused':
    case 'VerdictTooLate': {
      const { verdict, person, channel, code, count, reviewId } = event.data
      const isUnauthorized = unauthorizedReviewer.has(code)
      const isAlert = isUnauthorized && verdict === 'approve'
      return {
        ...api(verdict === 'approve' ? 'Approve' : 'Deny'),
        operation: `review.${verdict}`,
        message: isAlert
          ? 'Somebody who may not decide this tried to approve it.'
          : event.type === 'VerdictTooLate'
            ? 'A verdict came after the end.'
            : 'A verdict was refused.',
        outcome: isUnauthorized ? 'unauthorized' : 'blocked',
        status: failed(code),
        severity: isAlert ? 4 : 2,
        isAlert,
        actor: orService(person, 'unknown account'),
        from: channel,
        count,
        unmapped: reviewId === null ? {} : { review: reviewId },
      }
    }
    case 'GrantRefused': {
      const { step, code, pointer, by, count, grantId } = event.data
      const isAlert = misusedGrant.has(code)
      return {
        ...api(step === 'collect' ? 'Collect' : 'Redeem'),
        operation: `grant.${step}`,
        message: isAlert ? 'Somebody tried to use a grant for what it was not given for.' : 'A grant was refused.',
        outcome: notTheirs.has(code) ? 'unauthorized' : 'blocked',
        status: failed(code, pointer),
        severity: isAlert ? 4 : 2,
        isAlert,
        actor: by === null ? { service: 'unknown' } : { software: by },
        from: 'intake',
        count,
        unmapped: grantId === null ? {} : { grant: grantId },
      }
    }
    default:
      return event satisfies never
  }
}
