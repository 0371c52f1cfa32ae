import type { IntentEvent, RecordedEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, expect, it } from 'vitest'
import { decide, evolve, foldIntent, initialState, type IntentCommand, type IntentStream } from './index.ts'
import {
  at,
  collect,
  digests,
  evaluate,
  ids,
  intentPublished,
  people,
  published,
  redeem,
  report,
  standing,
  verdict,
} from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const inReview = given(intentPublished()).when(evaluate('review')).events()
const allowed = given(intentPublished()).when(evaluate('allow')).events()
const approved = given(...inReview)
  .when(verdict(people.ben))
  .events()
const granted = given(...approved)
  .when(collect())
  .events()
const redeemed = given(...granted)
  .when(redeem())
  .events()
const withReview = (change: Parameters<typeof intentPublished>[0]) =>
  given(intentPublished(change)).when(evaluate('review')).events()

describe('publishing', () => {
  const publish = (deadline: string): IntentCommand => ({
    type: 'PublishIntent',
    now: at(0),
    intent: published({ deadline }),
  })
  it('publishes an intent with a deadline between half a minute and thirty days', () =>
    given()
      .when(publish(at(0.5)))
      .then('ActionIntentPublished'))
  it('refuses a deadline that is too near', () =>
    given()
      .when(publish(at(0.49)))
      .thenRefuses('deadline_invalid'))
  it('refuses a deadline that is too far', () =>
    given()
      .when(publish(at(30 * 24 * 60 + 1)))
      .thenRefuses('deadline_invalid'))
  it('refuses a deadline that is no time', () => given().when(publish('soon')).thenRefuses('deadline_invalid'))
  it('publishes an id once', () =>
    given(intentPublished())
      .when(publish(at(60)))
      .thenRefuses('id_conflict'))
})

describe('policy', () => {
  it('allows', () => given(intentPublished()).when(evaluate('allow')).then('PolicyEvaluated', 'IntentAllowed'))
  it('denies', () => given(intentPublished()).when(evaluate('deny')).then('PolicyEvaluated', 'IntentDenied'))
  it('asks for a review', () =>
    given(intentPublished()).when(evaluate('review')).then('PolicyEvaluated', 'ReviewRequested'))
  it('denies a review that nobody could give', () =>
    given(intentPublished())
      .when(evaluate('review', { seats: [] }))
      .then('PolicyEvaluated', 'IntentDenied'))
  it('decides once', () =>
    given(...allowed)
      .when(evaluate('deny'))
      .thenNothing())
  it('leaves an intent past its deadline to expire', () =>
    given(intentPublished())
      .when(evaluate('allow', { now: at(60) }))
      .thenRefuses('intent_expired'))
  it('never lets a review outlive the intent', () =>
    expect(given(intentPublished()).when(evaluate('review', { reviewWithinMs: 9e7 })).outcome).toMatchObject([
      {},
      { data: { deadline: at(60) } },
    ]))
})

describe('a verdict', () => {
  it('of an eligible person approves', () =>
    given(...inReview)
      .when(verdict(people.ben))
      .then('VerdictRecorded', 'ReviewApproved'))
  it('of no denies, whoever else said yes', () =>
    given(...inReview)
      .when(verdict(people.ben, 'deny'))
      .then('VerdictRecorded', 'ReviewDenied'))
  it('of nobody is refused', () =>
    given(...inReview)
      .when(verdict(null))
      .thenRefuses('account_not_linked'))
  it('of an inactive person is refused', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { standing: standing({ groupsOf: new Map() }) }))
      .thenRefuses('person_inactive'))
  it('of the requester is refused', () =>
    given(...withReview({ requester: people.ben }))
      .when(verdict(people.ben))
      .thenRefuses('self_approval'))
  it('of the person it is for is refused', () =>
    given(...withReview({ onBehalfOf: people.ben }))
      .when(verdict(people.ben))
      .thenRefuses('self_approval'))
  it('of the agent itself is refused', () =>
    given(...withReview({ agent: { subjectId: people.ben, name: 'ben', kind: 'person' } }))
      .when(verdict(people.ben))
      .thenRefuses('self_approval'))
  it('of the agent’s owner is refused', () =>
    given(...inReview)
      .when(verdict(people.dana))
      .thenRefuses('owner_of_agent'))
  it('of the owner at publication is refused after the agent changed hands', () =>
    given(...inReview)
      .when(verdict(people.dana, 'approve', { standing: standing({ owners: [] }) }))
      .thenRefuses('owner_of_agent'))
  it('of a new owner is refused too', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { standing: standing({ owners: [people.ben] }) }))
      .thenRefuses('owner_of_agent'))
  it('of anyone in the delegation chain is refused', () =>
    given(...withReview({ delegation: [people.ben] }))
      .when(verdict(people.ben))
      .thenRefuses('in_delegation_chain'))
  it('of anyone the request merely named is refused', () =>
    given(...withReview({ assertedParties: [people.ben] }))
      .when(verdict(people.ben))
      .thenRefuses('in_delegation_chain'))
  it('of who changed the policy is refused', () =>
    given(
      ...given(intentPublished())
        .when(evaluate('review', { excludedAuthors: [people.ben] }))
        .events(),
    )
      .when(verdict(people.ben))
      .thenRefuses('policy_author'))
  it('of who changed the group since is refused', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { standing: standing({ unreviewedAuthors: [people.ben] }) }))
      .thenRefuses('policy_author'))
  it('of the excluded is refused also when it is a no', () =>
    given(...inReview)
      .when(verdict(people.dana, 'deny'))
      .thenRefuses('owner_of_agent'))
  it('of people of other groups is refused', () =>
    given(...inReview)
      .when(verdict(people.erin))
      .thenRefuses('not_eligible'))
  it('of who joined the group after it was asked for is refused, and of who held the seat before is not', () => {
    const heldWhenAsked = new Map([
      [people.ben, []],
      [people.cora, ['data-owners']],
    ])
    given(...inReview)
      .when(verdict(people.ben, 'approve', { standing: standing({ heldWhenAsked }) }))
      .thenRefuses('joined_after_request')
    given(...inReview)
      .when(verdict(people.cora, 'approve', { standing: standing({ heldWhenAsked }) }))
      .then('VerdictRecorded', 'ReviewApproved')
  })
  it('on another card is refused', () =>
    given(...inReview)
      .when(
        verdict(people.ben, 'approve', {
          presentation: { digest: digests.card, actionDigest: digests.other, complete: true },
        }),
      )
      .thenRefuses('card_stale'))
  it('on a card that was never shown is refused', () => {
    const { presentation: _, ...command } = verdict(people.ben)
    given(...inReview)
      .when(command)
      .thenRefuses('card_stale')
  })
  it('of yes on a card that did not show everything is refused', () =>
    given(...inReview)
      .when(
        verdict(people.ben, 'approve', {
          presentation: { digest: digests.card, actionDigest: digests.action, complete: false },
        }),
      )
      .thenRefuses('card_incomplete'))
  it('of no without a reason is refused', () => {
    const { reasonCommitment: _, ...command } = verdict(people.ben, 'deny')
    given(...inReview)
      .when(command)
      .thenRefuses('reason_required')
  })
  it('on another review is refused', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { reviewId: ids.grant }))
      .thenRefuses('unknown_review'))
  it('at the deadline is too late', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { now: at(31) }))
      .thenRefuses('review_expired'))
  it('after a deny changes nothing', () =>
    given(
      ...given(...inReview)
        .when(verdict(people.ben, 'deny'))
        .events(),
    )
      .when(verdict(people.cora))
      .thenRefuses('review_closed'))
})

describe('seats', () => {
  const asked = (...seats: { group: string; count: number }[]) =>
    given(intentPublished()).when(evaluate('review', { seats })).events()
  it('takes two people for two seats', () => {
    const half = given(...asked({ group: 'data-owners', count: 2 })).when(verdict(people.ben))
    half.then('VerdictRecorded')
    given(...half.events())
      .when(verdict(people.cora))
      .then('VerdictRecorded', 'ReviewApproved')
  })
  it('counts one person once, however many groups they hold', () => {
    const half = given(...asked({ group: 'data-owners', count: 1 }, { group: 'security', count: 1 })).when(
      verdict(people.cora),
    )
    half.then('VerdictRecorded')
    given(...half.events())
      .when(verdict(people.cora))
      .thenRefuses('already_voted')
  })
  it('moves people between seats so that everybody fits', () => {
    const half = given(...asked({ group: 'data-owners', count: 1 }, { group: 'security', count: 1 })).when(
      verdict(people.cora),
    )
    given(...half.events())
      .when(verdict(people.erin))
      .then('VerdictRecorded', 'ReviewApproved')
  })
  it('refuses who could only fill seats that are filled', () => {
    const half = given(...asked({ group: 'data-owners', count: 1 }, { group: 'security', count: 1 })).when(
      verdict(people.ben),
    )
    given(...half.events())
      .when(verdict(people.partner))
      .thenRefuses('seat_taken')
  })
  it('fills none with a no, should a review ever go on behind one', () => {
    const two = asked({ group: 'data-owners', count: 2 })
    const no = given(...two).when(verdict(people.ben, 'deny'))
    given(...no.events().filter(({ type }) => type !== 'ReviewDenied'))
      .when(verdict(people.cora))
      .then('VerdictRecorded')
  })
  it('lets who said yes say no before the end', () => {
    const half = given(...asked({ group: 'data-owners', count: 2 })).when(verdict(people.ben))
    given(...half.events())
      .when(verdict(people.ben, 'deny'))
      .then('VerdictRecorded', 'ReviewDenied')
  })
})

describe('collecting', () => {
  it('issues one grant', () =>
    given(...approved)
      .when(collect())
      .then('GrantIssued'))
  it('needs no review where policy allows', () =>
    given(...allowed)
      .when(collect())
      .then('GrantIssued'))
  it('gives the same grant again', () =>
    given(...granted)
      .when(collect({ now: at(4) }))
      .thenNothing())
  it('waits for the decision', () =>
    given(...inReview)
      .when(collect())
      .thenRefuses('not_decided'))
  it('ends with the deadline, whether or not that is recorded', () =>
    given(...inReview)
      .when(collect({ now: at(60) }))
      .thenRefuses('intent_expired'))
  it('is for the executor only', () =>
    given(...approved)
      .when(collect({ executor: people.mallory }))
      .thenRefuses('wrong_executor'))
  it('is bound to the client too', () =>
    given(...approved)
      .when(collect({ clientId: 'other' }))
      .thenRefuses('wrong_executor'))
  it('stops at a deny that became active since', () =>
    given(...approved)
      .when(collect({ denies: { policySetDigest: digests.policy, denied: true, rules: ['never'] } }))
      .thenRefuses('policy_denied'))
  it('stops at a freeze', () =>
    given(...approved)
      .when(collect({ frozen: true }))
      .thenRefuses('frozen'))
  it('is never given for an intent from before the store was adopted, nor again', () => {
    given(...approved)
      .when(collect({ outdated: true }))
      .thenRefuses('intent_outdated')
    given(...granted)
      .when(collect({ outdated: true }))
      .thenRefuses('intent_outdated')
  })
  it('checks again that the approver still holds the seat', () =>
    given(...approved)
      .when(collect({ standing: standing({ groupsOf: new Map([[people.ben, []]]) }) }))
      .thenRefuses('no_longer_eligible'))
  it('checks again that the approver held the seat without a break', () =>
    given(...approved)
      .when(collect({ standing: standing({ heldWhenAsked: new Map([[people.ben, []]]) }) }))
      .thenRefuses('no_longer_eligible'))
  it('is not given by what a stale directory says of the approver', () =>
    given(...approved)
      .when(collect({ standing: standing({ directoryStale: true }) }))
      .thenRefuses('directory_stale'))
  it('checks again that the approver did not become an owner', () =>
    given(...approved)
      .when(collect({ standing: standing({ owners: [people.ben] }) }))
      .thenRefuses('no_longer_eligible'))
  it('is over when collectBefore is reached', () =>
    given(...approved)
      .when(collect({ now: at(17) }))
      .thenRefuses('intent_expired'))
})

describe('redeeming', () => {
  it('uses the grant', () =>
    given(...granted)
      .when(redeem())
      .then('GrantRedeemed'))
  it('gives the same redemption the same receipt', () =>
    given(...redeemed)
      .when(redeem({ now: at(30) }))
      .thenNothing())
  it('uses it once', () =>
    given(...redeemed)
      .when(redeem({ redemptionId: ids.execution }))
      .thenRefuses('already_redeemed'))
  it('refuses another action', () =>
    given(...granted)
      .when(redeem({ presentedDigest: digests.other, differs: { code: 'target_mismatch', pointer: '/target' } }))
      .thenRefuses('target_mismatch'))
  it('refuses another action under the same redemption', () =>
    given(...redeemed)
      .when(redeem({ presentedDigest: digests.other }))
      .thenRefuses('binding_mismatch'))
  it('refuses another executor', () =>
    given(...granted)
      .when(redeem({ executor: people.mallory }))
      .thenRefuses('wrong_executor'))
  it('refuses another grant', () =>
    given(...granted)
      .when(redeem({ grantId: ids.receipt }))
      .thenRefuses('unknown_grant'))
  it('ends when the grant does', () =>
    given(...granted)
      .when(redeem({ now: at(8) }))
      .thenRefuses('grant_expired'))
  it('stops at a freeze', () =>
    given(...granted)
      .when(redeem({ frozen: true }))
      .thenRefuses('frozen'))
  it('is over for an intent from before the store was adopted, though nobody has revoked it yet', () =>
    given(...granted)
      .when(redeem({ outdated: true }))
      .thenRefuses('intent_outdated'))
  it('stops at a revocation', () =>
    given(
      ...given(...granted)
        .when({ type: 'RevokeGrant', now: at(4), grantId: ids.grant, by: people.dana, cause: 'owner' })
        .events(),
    )
      .when(redeem())
      .thenRefuses('grant_revoked'))
})

describe('ends', () => {
  const withdraw: IntentCommand = { type: 'WithdrawIntent', now: at(3), by: people.client }
  it('withdraws what is not granted', () =>
    given(...approved)
      .when(withdraw)
      .then('IntentWithdrawn'))
  it('does not withdraw what is granted', () =>
    given(...granted)
      .when(withdraw)
      .thenRefuses('too_late_to_withdraw'))
  it('does not withdraw what has run out, recorded or not', () =>
    given(...approved)
      .when({ ...withdraw, now: at(17) })
      .thenRefuses('intent_expired'))
  it('expires a review at its deadline', () =>
    given(...inReview)
      .when({ type: 'ExpireIntent', now: at(31) })
      .then('IntentExpired'))
  it('does not expire a review before', () =>
    given(...inReview)
      .when({ type: 'ExpireIntent', now: at(30.99) })
      .thenNothing())
  it('expires an approval that nobody collects', () =>
    given(...approved)
      .when({ type: 'ExpireIntent', now: at(17) })
      .then('IntentExpired'))
  it('expires a grant that nobody uses', () =>
    given(...granted)
      .when({ type: 'ExpireGrant', now: at(8) })
      .then('GrantExpired'))
  it('does not revoke what was used', () =>
    given(...redeemed)
      .when({ type: 'RevokeGrant', now: at(5), grantId: ids.grant, by: people.dana, cause: 'owner' })
      .thenRefuses('already_redeemed'))
})

describe('an execution', () => {
  it('is the executor’s to tell, or its producer’s on its own topic', () => {
    given(...redeemed)
      .when(report('succeeded', { executor: people.mallory, clientId: 'other' }))
      .thenRefuses('wrong_executor')
    given(...redeemed)
      .when(report('succeeded', { executor: people.mallory, clientId: 'other', producer: 'etl' }))
      .then('ExecutionSucceeded')
    given(...redeemed)
      .when(report('succeeded', { producer: 'other' }))
      .thenRefuses('wrong_executor')
  })
  it('is reported once it was redeemed', () =>
    given(...redeemed)
      .when(report('succeeded'))
      .then('ExecutionSucceeded'))
  it('cannot be reported before', () =>
    given(...granted)
      .when(report('succeeded'))
      .thenRefuses('not_redeemed'))
  it('cannot succeed and fail', () =>
    given(
      ...given(...redeemed)
        .when(report('succeeded'))
        .events(),
    )
      .when(report('failed'))
      .thenRefuses('already_reported'))
  it('may be reported again alike', () =>
    given(
      ...given(...redeemed)
        .when(report('failed'))
        .events(),
    )
      .when(report('failed'))
      .thenNothing())
  it('that nobody reports is unknown', () =>
    given(...redeemed)
      .when({ type: 'MarkExecutionUnknown', now: at(14) })
      .then('ExecutionUnknown'))
  it('that is reported after that is reconciled', () =>
    given(
      ...given(...redeemed)
        .when({ type: 'MarkExecutionUnknown', now: at(14) })
        .events(),
    )
      .when(report('failed'))
      .then('ExecutionReconciled'))
  it('is not reconciled by the side that ran it', () =>
    given(
      ...given(...redeemed)
        .when({ type: 'MarkExecutionUnknown', now: at(14) })
        .events(),
    )
      .when({ type: 'ReconcileExecution', now: at(15), by: people.client, outcome: 'succeeded' })
      .thenRefuses('not_allowed'))
})

describe('a history with an event that is not known', () => {
  const recorded = (type: string, schemaVersion = 1): RecordedEvent => ({
    eventId: ids.intent,
    type,
    schemaVersion,
    tenantId: ids.intent,
    kind: 'intent',
    streamId: ids.intent,
    version: 1,
    data: published(),
    metadata: { service: 'intake' },
    recordedAt: at(0),
  })
  it('decides nothing', () => {
    for (const stream of [
      [recorded('GrantBlessed')],
      [recorded('ActionIntentPublished', 2)],
      [recorded('AgentRegistered')],
    ]) {
      expect(decide(collect(), foldIntent(stream))).toMatchObject({ code: 'unknown_event' })
    }
  })
})
