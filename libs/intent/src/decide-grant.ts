import { refuse, type IntentEvent, type Refusal, type RefusalCode } from '@countersign/contracts'
import { claimDifference } from './binding.ts'
import type { ExpireGrant, IssueGrant, RedeemGrant, RevokeGrant } from './commands.ts'
import { everySeatFilled } from './decide-review.ts'
import { keyRefusal, provenKeys } from './key-proof.ts'
import type { Intent, IntentStatus } from './state.ts'
import { after, isPast } from './time.ts'

/** What a state that holds no usable grant answers to whoever wants to collect, redeem or revoke one. */
const endedBy: Record<IntentStatus, RefusalCode> = {
  published: 'not_decided',
  in_review: 'not_decided',
  allowed: 'unknown_grant',
  approved: 'unknown_grant',
  denied: 'intent_denied',
  withdrawn: 'intent_withdrawn',
  expired: 'intent_expired',
  granted: 'unknown_grant',
  redeemed: 'already_redeemed',
  revoked: 'grant_revoked',
  grant_expired: 'grant_expired',
  succeeded: 'already_redeemed',
  failed: 'already_redeemed',
  unknown: 'already_redeemed',
  reconciled: 'already_redeemed',
}

const isExecutor = (intent: Intent, { executor, clientId }: { executor: string; clientId: string }): boolean =>
  intent.published.executor.subjectId === executor && intent.published.executor.clientId === clientId

/**
 * One grant per intent, ever. Everything is decided again from the whole stream: the denies of the active set, freezes, and
 * whether each approver still holds the seat. An intent that was published before the store was adopted gets none: its grant
 * may have been issued and used in what was lost. The same executor asking again gets the same grant (no new event). A key
 * that is proven while collecting, or a certificate that is shown, is the grant's from then on; the registered key, where there is
 * one, is asked for anyway.
 */
export const decideIssue = (command: IssueGrant, intent: Intent): IntentEvent[] | Refusal => {
  const { now, standing, denies, frozen, outdated } = command
  const { published, status, grant, collectBefore, grantTtlMs } = intent
  if (!isExecutor(intent, command)) return refuse('wrong_executor')
  const keyProblem = keyRefusal(command.key, { grant, now })
  if (keyProblem !== undefined) return keyProblem
  if (status === 'granted' && grant !== undefined) {
    if (isPast(now, grant.expiresAt)) return refuse('grant_expired', { expiresAt: grant.expiresAt })
    if (outdated) return refuse('intent_outdated')
    return frozen ? refuse('frozen') : []
  }
  if (status !== 'allowed' && status !== 'approved') {
    return refuse(
      endedBy[status] === 'not_decided' && isPast(now, published.deadline) ? 'intent_expired' : endedBy[status],
    )
  }
  if (collectBefore === undefined || grantTtlMs === undefined) return refuse('not_decided')
  if (isPast(now, collectBefore) || isPast(now, published.deadline))
    return refuse('intent_expired', { expiresAt: collectBefore })
  if (outdated) return refuse('intent_outdated')
  if (frozen) return refuse('frozen')
  if (denies.denied) return refuse('policy_denied', { rules: denies.rules })
  if (status === 'approved' && standing.directoryStale === true) return refuse('directory_stale')
  if (status === 'approved' && !everySeatFilled(intent, standing)) return refuse('no_longer_eligible')
  return [
    {
      type: 'GrantIssued',
      data: {
        intentId: published.intentId,
        grantId: command.grantId,
        actionDigest: published.actionDigest,
        executor: command.executor,
        credential: {
          kind: 'oauth_client',
          clientId: command.clientId,
          ...provenKeys(command.key),
        },
        policySetDigest: denies.policySetDigest,
        issuedAt: now,
        expiresAt: after(now, grantTtlMs),
      },
    },
  ]
}

/**
 * Why what is presented is not what was granted: the token first, then the action field by field, then what is left, a
 * digest that differs though no field does.
 */
const bindingRefusal = (command: RedeemGrant, { published, grant }: Intent): Refusal | undefined => {
  const { tenantId, grantId, claims, differs, presentedDigest, statedDigest } = command
  if (claims === undefined) return refuse('grant_token_invalid', { pointer: '/token' })
  const difference = claimDifference(claims, { tenantId, grantId, published, keys: grant ?? {} }) ?? differs
  if (difference !== undefined) return refuse(difference.code, { pointer: difference.pointer })
  if (presentedDigest !== published.actionDigest) return refuse('binding_mismatch')
  if (statedDigest !== undefined && statedDigest !== published.actionDigest)
    return refuse('binding_mismatch', { pointer: '/actionDigest' })
  return undefined
}

/**
 * Uses the grant once, for exactly the action that was approved. The same redemption repeated gets the same receipt (no new
 * event); anything else after the first is refused.
 */
export const decideRedeem = (command: RedeemGrant, intent: Intent): IntentEvent[] | Refusal => {
  const { now, grantId, redemptionId } = command
  const { grant, published, status } = intent
  if (grant === undefined || grant.grantId !== grantId) return refuse('unknown_grant')
  if (!isExecutor(intent, command)) return refuse('wrong_executor')
  const keyProblem = keyRefusal(command.key, { grant, now })
  if (keyProblem !== undefined) return keyProblem
  const mismatch = bindingRefusal(command, intent)
  if (grant.redemption?.redemptionId === redemptionId) return mismatch ?? []
  if (status !== 'granted') return refuse(endedBy[status])
  if (isPast(now, grant.expiresAt)) return refuse('grant_expired', { expiresAt: grant.expiresAt })
  if (command.outdated) return refuse('intent_outdated')
  if (mismatch !== undefined) return mismatch
  if (command.frozen) return refuse('frozen')
  return [
    {
      type: 'GrantRedeemed',
      data: {
        intentId: published.intentId,
        grantId,
        redemptionId,
        receiptId: command.receiptId,
        actionDigest: published.actionDigest,
        redeemedAt: now,
        reportBefore: after(now, command.reportWithinMs),
      },
    },
  ]
}

/** Ends a grant that was not used yet; repeating it changes nothing. */
export const decideRevoke = ({ now, grantId, by, cause }: RevokeGrant, intent: Intent): IntentEvent[] | Refusal => {
  const { grant, published, status } = intent
  if (grant === undefined || grant.grantId !== grantId) return refuse('unknown_grant')
  if (status === 'revoked') return []
  if (status !== 'granted') return refuse(endedBy[status])
  if (isPast(now, grant.expiresAt)) return refuse('grant_expired', { expiresAt: grant.expiresAt })
  return [{ type: 'GrantRevoked', data: { intentId: published.intentId, grantId, by, cause } }]
}

export const decideGrantExpiry = ({ now }: ExpireGrant, { status, grant, published }: Intent): IntentEvent[] =>
  status === 'granted' && grant !== undefined && isPast(now, grant.expiresAt)
    ? [
        {
          type: 'GrantExpired',
          data: { intentId: published.intentId, grantId: grant.grantId, expiresAt: grant.expiresAt },
        },
      ]
    : []
