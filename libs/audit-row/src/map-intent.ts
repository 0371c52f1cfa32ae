import type { IntentEventName, RecordedEventOf } from '@countersign/contracts'
import { failed, other, succeeded, type Actor, type IntentContext, type Meaning } from './meaning.ts'

const api = (activity: string) => ({ class: 'api_activity', activity: [99, activity] }) as const
const policy: Actor = { service: 'policy' }
const intake: Actor = { service: 'intake' }

/** Create, read, update and delete of API Activity, by the verb in the action's name; 99 where it says none of them. */
const crud = (action: string | undefined): readonly [number, string] => {
  const [verb = ''] = action === undefined ? [] : action.slice(action.lastIndexOf('.') + 1).split(/[-_]/u)
  if (/^(create|insert|put|add|grant|attach|run|upload)$/u.test(verb)) return [1, 'Create']
  if (/^(read|get|list|query|select|describe|export|download|copy|fetch|head|search|view)$/u.test(verb))
    return [2, 'Read']
  if (/^(update|set|modify|change|alter|rotate|deploy|apply|merge|write|enable|disable|start|stop)$/u.test(verb)) {
    return [3, 'Update']
  }
  if (/^(delete|drop|remove|destroy|purge|terminate|truncate|detach)$/u.test(verb)) return [4, 'Delete']
  return [99, action ?? 'Execute']
}

const execution = (
  context: IntentContext | undefined,
): Pick<Meaning, 'class' | 'activity' | 'outcome' | 'actor' | 'from'> => ({
  class: 'api_activity',
  activity: crud(context?.action),
  outcome: 'allowed',
  actor: context === undefined ? { service: 'executor' } : { software: context.executor },
  from: context?.producer ?? 'executor',
})

const decision = (effect: 'allow' | 'deny' | 'review'): Pick<Meaning, 'outcome' | 'status'> =>
  effect === 'allow'
    ? { outcome: 'allowed', status: succeeded }
    : effect === 'deny'
      ? { outcome: 'blocked', status: failed('policy_denied') }
      : { outcome: 'delayed', status: other('Pending') }

/** Requests are withdrawn by their requester: the agent itself, or a person. */
const isSoftware = (subject: string, context: IntentContext | undefined) =>
  context !== undefined && (subject === context.agent || subject === context.executor)

const holder = (context: IntentContext | undefined, grantId: string) =>
  context === undefined ? { name: `holder of ${grantId}` } : { uid: context.executor, type_id: 4, type: 'Service' }

/** Meaning of an event of an intent's own stream. */
export const mapIntent = (event: RecordedEventOf<IntentEventName>, context: IntentContext | undefined): Meaning => {
  switch (event.type) {
    case 'ActionIntentPublished': {
      const { agent, producer, requester, onBehalfOf, actionDigest, impact } = event.data
      return {
        ...api('Request'),
        operation: 'intent.publish',
        message: 'An action was asked for.',
        outcome: 'logged',
        status: other('Pending'),
        actor: agent.kind === 'person' ? { person: agent.subjectId } : { software: agent.subjectId },
        from: producer,
        unmapped: {
          requester,
          action_digest: actionDigest,
          principal_kind: agent.kind,
          ...(onBehalfOf === null ? {} : { on_behalf_of: onBehalfOf }),
          ...(agent.session === undefined ? {} : { session: agent.session }),
          ...(impact === undefined ? {} : { impact_claimed: impact }),
        },
      }
    }
    case 'PolicyEvaluated': {
      const { effect, policySetDigest, reasons, code } = event.data
      const said = decision(effect)
      return {
        ...api('Evaluate'),
        operation: 'policy.evaluate',
        message: 'The policy set was evaluated.',
        ...said,
        status: code === undefined ? said.status : { ...said.status, code },
        actor: policy,
        from: 'policy',
        authorizations: [{ decision: effect, policy: { uid: policySetDigest, is_applied: true } }],
        unmapped: { rules: reasons.map(({ rule }) => rule) },
      }
    }
    case 'IntentAllowed':
      return {
        ...api('Allow'),
        operation: 'policy.allow',
        message: 'Policy allowed the action.',
        ...decision('allow'),
        actor: policy,
        from: 'policy',
        unmapped: { rules: event.data.rules },
      }
    case 'IntentDenied':
      return {
        ...api('Deny'),
        operation: 'policy.deny',
        message: 'Policy denied the action.',
        outcome: 'blocked',
        status: failed(event.data.code),
        severity: 2,
        actor: policy,
        from: 'policy',
        unmapped: { rules: event.data.rules },
      }
    case 'ReviewRequested':
      return {
        ...api('Ask'),
        operation: 'review.request',
        message: 'A human decision was asked for.',
        ...decision('review'),
        actor: policy,
        from: 'policy',
        unmapped: {
          rules: event.data.rules,
          seats: event.data.seats,
          review: event.data.reviewId,
          ...(event.data.assurance === undefined ? {} : { assurance: event.data.assurance }),
        },
      }
    case 'VerdictRecorded': {
      const { verdict, person, assurance, account, channel, reviewId, presentationDigest, onOneWord } = event.data
      const isApproval = verdict === 'approve'
      return {
        ...api(isApproval ? 'Approve' : 'Deny'),
        operation: `review.${verdict}`,
        message: isApproval ? 'A reviewer approved.' : 'A reviewer denied.',
        outcome: isApproval ? 'approved' : 'rejected',
        status: isApproval ? succeeded : failed('review_denied'),
        actor: {
          person,
          hasMfa: assurance === 'mfa' || assurance === 'webauthn',
          provider: account.provider,
        },
        from: channel,
        authorizations: [{ decision: isApproval ? 'approved' : 'denied' }],
        unmapped: {
          review: reviewId,
          assurance,
          account: account.accountId,
          presentation_digest: presentationDigest,
          ...(onOneWord === undefined ? {} : { on_one_word: onOneWord }),
        },
      }
    }
    case 'ReviewApproved':
      return {
        ...api('Approve'),
        operation: 'review.close',
        message: 'Every seat of the review was filled.',
        outcome: 'approved',
        status: succeeded,
        actor: { service: 'notifier' },
        from: 'notifier',
        authorizations: event.data.seats.map(({ group }) => ({
          decision: 'approved',
          policy: { name: group, type: 'seat' },
        })),
        unmapped: { review: event.data.reviewId, approvers: event.data.seats.map(({ person }) => person) },
      }
    case 'ReviewDenied':
      return {
        ...api('Deny'),
        operation: 'review.close',
        message: 'The review ended with a denial.',
        outcome: 'rejected',
        status: failed('review_denied'),
        actor: { person: event.data.by },
        from: 'notifier',
        unmapped: { review: event.data.reviewId },
      }
    case 'IntentWithdrawn':
      return {
        ...api('Withdraw'),
        operation: 'intent.withdraw',
        message: 'The request was withdrawn.',
        outcome: 'withdrawn',
        status: other('Withdrawn'),
        actor: isSoftware(event.data.by, context) ? { software: event.data.by } : { person: event.data.by },
        from: 'intake',
      }
    case 'IntentExpired':
      return {
        ...api('Expire'),
        operation: 'intent.expire',
        message: 'Nobody decided in time, so the action was refused.',
        outcome: 'expired',
        status: failed('intent_expired'),
        actor: policy,
        from: 'policy',
      }
    case 'GrantIssued':
      return {
        class: 'authorize_session',
        activity: [1, 'Assign Privileges'],
        operation: 'grant.issue',
        message: 'A grant for this one action was collected.',
        outcome: 'allowed',
        status: succeeded,
        actor: intake,
        from: 'intake',
        members: {
          user: { uid: event.data.executor, type_id: 4, type: 'Service' },
          privileges: [context?.action ?? event.data.actionDigest],
        },
        unmapped: {
          grant: event.data.grantId,
          expires_at: event.data.expiresAt,
          action_digest: event.data.actionDigest,
        },
      }
    case 'GrantRedeemed':
      return {
        ...api('Redeem'),
        operation: 'grant.redeem',
        message: 'The grant was used for exactly what was approved.',
        outcome: 'allowed',
        status: succeeded,
        actor: context === undefined ? intake : { software: context.executor },
        from: context?.producer ?? 'intake',
        unmapped: {
          grant: event.data.grantId,
          receipt: event.data.receiptId,
          action_digest: event.data.actionDigest,
          report_before: event.data.reportBefore,
        },
      }
    case 'GrantRevoked':
    case 'GrantExpired': {
      const { grantId } = event.data
      const isRevoked = event.type === 'GrantRevoked'
      return {
        class: 'user_access',
        activity: [2, 'Revoke Privileges'],
        operation: isRevoked ? 'grant.revoke' : 'grant.expire',
        message: isRevoked ? 'The grant was revoked before it was used.' : 'The grant ran out unused.',
        outcome: isRevoked ? 'revoked' : 'expired',
        status: succeeded,
        severity: isRevoked ? 2 : 1,
        actor: event.type === 'GrantRevoked' ? { person: event.data.by } : intake,
        from: 'intake',
        members: { user: holder(context, grantId), privileges: [context?.action ?? `grant ${grantId}`] },
        unmapped: { grant: grantId, ...(event.type === 'GrantRevoked' ? { cause: event.data.cause } : {}) },
      }
    }
    case 'ExecutionStarted':
      return {
        ...execution(context),
        operation: 'execution.start',
        message: 'The action began.',
        status: other('Started'),
        unmapped: { grant: event.data.grantId, execution: event.data.executionId },
      }
    case 'ExecutionSucceeded':
    case 'ExecutionFailed': {
      const { grantId, executionId, rows, bytes, exitCode } = event.data
      const hasFailed = event.type === 'ExecutionFailed'
      return {
        ...execution(context),
        operation: 'execution.report',
        message: hasFailed ? 'The action failed.' : 'The action succeeded.',
        status: event.type === 'ExecutionFailed' ? failed(event.data.code) : succeeded,
        severity: hasFailed ? 2 : 1,
        unmapped: {
          grant: grantId,
          execution: executionId,
          ...(rows === undefined ? {} : { rows }),
          ...(bytes === undefined ? {} : { bytes }),
          ...(exitCode === undefined ? {} : { exit_code: exitCode }),
        },
      }
    }
    case 'ExecutionUnknown':
      return {
        ...execution(context),
        operation: 'execution.report',
        message: 'Nobody knows how the action ended.',
        status: other('Unknown', event.data.code),
        severity: 3,
        isAlert: true,
        unmapped: { grant: event.data.grantId },
      }
    case 'ExecutionReconciled':
      return {
        ...execution(context),
        operation: 'execution.reconcile',
        message: 'A person found out how the action ended.',
        status: event.data.outcome === 'succeeded' ? succeeded : failed('execution_failed'),
        actor: { person: event.data.by },
        unmapped: { grant: event.data.grantId },
      }
    default:
      return event satisfies never
  }
}
