import type { IntentEvent, RefusalCode } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, expect, it } from 'vitest'
import {
  decide,
  everySeatFilled,
  evolve,
  filledSeats,
  fillSeats,
  initialState,
  isBound,
  isPublished,
  looksLikeBound,
  type Intent,
  type IntentCommand,
  type IntentStream,
} from './index.ts'
import { actionDifference } from './binding.ts'
import { at, collect, digests, evaluate, ids, intentPublished, people, redeem, report } from './intent.fixture.ts'
import { standing, verdict } from './intent.fixture.ts'
import { provenKeys } from './key-proof.ts'
import { preconditionHolds } from './precondition.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const after = (...commands: IntentCommand[]): IntentEvent[] =>
  commands.reduce<IntentEvent[]>(
    (history, command) =>
      given(...history)
        .when(command)
        .events(),
    [intentPublished()],
  )
const revoke: IntentCommand = { type: 'RevokeGrant', now: at(4), grantId: ids.grant, by: people.dana, cause: 'owner' }
const unknown: IntentCommand = { type: 'MarkExecutionUnknown', now: at(14) }
const withdraw: IntentCommand = { type: 'WithdrawIntent', now: at(2), by: people.client }
const review = [evaluate('review')]
const approval = [...review, verdict(people.ben)]
const grant = [...approval, collect()]
const redemption = [...grant, redeem()]

/** Histories by how they ended, and what whoever wants to use a grant of theirs is told. */
const ends: readonly [end: string, code: RefusalCode, commands: readonly IntentCommand[]][] = [
  ['undecided', 'not_decided', []],
  ['in review', 'not_decided', review],
  ['denied by policy', 'intent_denied', [evaluate('deny')]],
  ['denied by a person', 'intent_denied', [...review, verdict(people.ben, 'deny')]],
  ['withdrawn', 'intent_withdrawn', [...review, withdraw]],
  ['expired', 'intent_expired', [...review, { type: 'ExpireIntent', now: at(31) }]],
  ['revoked', 'grant_revoked', [...grant, revoke]],
  ['run out', 'grant_expired', [...grant, { type: 'ExpireGrant', now: at(8) }]],
  ['redeemed', 'already_redeemed', redemption],
  ['succeeded', 'already_redeemed', [...redemption, report('succeeded')]],
  ['failed', 'already_redeemed', [...redemption, report('failed')]],
  ['unknown', 'already_redeemed', [...redemption, unknown]],
  ['reconciled', 'already_redeemed', [...redemption, unknown, report('failed')]],
]
const hasGrant = (commands: readonly IntentCommand[]): boolean => commands.some(({ type }) => type === 'IssueGrant')

describe('a grant that is wanted of an intent that is', () => {
  it.each(ends)('%s is refused with %s', (_end, code, commands) => {
    given(...after(...commands))
      .when(collect({ now: at(3) }))
      .thenRefuses(code)
  })

  it.each(ends.filter(([, , commands]) => hasGrant(commands)))('%s is used by nobody else: %s', (_end, code, all) => {
    given(...after(...all))
      .when(redeem({ redemptionId: ids.execution }))
      .thenRefuses(code)
  })

  it.each(ends.filter(([end, , commands]) => hasGrant(commands) && end !== 'revoked'))(
    '%s is not revoked any more: %s',
    (_end, code, commands) => {
      given(...after(...commands))
        .when(revoke)
        .thenRefuses(code)
    },
  )

  it.each(ends.filter(([, , commands]) => !hasGrant(commands)))('%s is no grant to redeem or revoke', (_e, _c, all) => {
    given(...after(...all))
      .when(redeem())
      .thenRefuses('unknown_grant')
    given(...after(...all))
      .when(revoke)
      .thenRefuses('unknown_grant')
  })

  it('denied is refused as denied, also after its deadline', () =>
    given(...after(evaluate('deny')))
      .when(collect({ now: at(60) }))
      .thenRefuses('intent_denied'))

  it('approved without a review that says for how long is not given', () => {
    const data = { intentId: ids.intent, reviewId: ids.review, seats: [], collectBefore: at(17) }
    given(intentPublished(), { type: 'ReviewApproved', data }).when(collect()).thenRefuses('not_decided')
  })
})

describe('a refusal says', () => {
  const outcome = (history: readonly IntentEvent[], command: IntentCommand) => given(...history).when(command).outcome

  it('when the time was over', () => {
    const late = { refused: true, expiresAt: at(8) }
    expect(outcome(after(...grant), collect({ now: at(8) }))).toMatchObject({ code: 'grant_expired', ...late })
    expect(outcome(after(...grant), redeem({ now: at(8) }))).toMatchObject({ code: 'grant_expired', ...late })
    expect(outcome(after(...grant), { ...revoke, now: at(8) })).toMatchObject({ code: 'grant_expired', ...late })
    expect(outcome(after(...approval), collect({ now: at(17) }))).toMatchObject({
      code: 'intent_expired',
      expiresAt: at(17),
    })
    expect(outcome(after(...review), verdict(people.ben, 'approve', { now: at(31) }))).toMatchObject({
      code: 'review_expired',
      expiresAt: at(31),
    })
  })

  it('which rules deny now', () =>
    expect(
      outcome(
        after(...approval),
        collect({ denies: { policySetDigest: digests.policy, denied: true, rules: ['never'] } }),
      ),
    ).toMatchObject({ code: 'policy_denied', rules: ['never'] }))

  it('where in the request the binding does not hold', () => {
    const { claims: _, ...tokenless } = redeem()
    expect(outcome(after(...grant), { ...tokenless, claims: undefined })).toMatchObject({
      code: 'grant_token_invalid',
      pointer: '/token',
    })
    expect(outcome(after(...grant), redeem({ statedDigest: digests.other }))).toMatchObject({
      code: 'binding_mismatch',
      pointer: '/actionDigest',
    })
  })

  it('of preconditions, the first by name', () => {
    const action = { action: 'a', target: 't', environment: 'e', parameters: {} }
    const approved = { ...action, preconditions: { rows: '1', etag: '1' } }
    const observed = { ...action, preconditions: { rows: '2', etag: '2' } }
    expect(actionDifference(approved, observed)).toEqual({ code: 'stale', pointer: '/preconditions/etag' })
  })
})

describe('what is recorded', () => {
  const last = (...commands: IntentCommand[]) => after(...commands).at(-1)

  it('of a grant is who may use what until when, by which policy', () =>
    expect(last(...grant)).toEqual({
      type: 'GrantIssued',
      data: {
        intentId: ids.intent,
        grantId: ids.grant,
        actionDigest: digests.action,
        executor: people.client,
        credential: { kind: 'oauth_client', clientId: 'etl-bot' },
        policySetDigest: digests.policy,
        issuedAt: at(3),
        expiresAt: at(8),
      },
    }))

  it('of its end is who ended it and as what, or when it ran out', () => {
    const { intent: intentId, grant: grantId } = ids
    expect(last(...grant, revoke)).toEqual({
      type: 'GrantRevoked',
      data: { intentId, grantId, by: people.dana, cause: 'owner' },
    })
    expect(last(...grant, { type: 'ExpireGrant', now: at(8) })).toEqual({
      type: 'GrantExpired',
      data: { intentId, grantId, expiresAt: at(8) },
    })
    expect(last(...review, verdict(people.ben, 'deny'))).toEqual({
      type: 'ReviewDenied',
      data: { intentId, reviewId: ids.review, by: people.ben },
    })
  })

  const recorded = {
    intentId: ids.intent,
    reviewId: ids.review,
    verdict: 'approve',
    person: people.ben,
    account: { provider: 'slack', accountId: ids.account },
    eligibleSeats: ['data-owners'],
    assurance: 'chat',
    channel: 'slack',
    actionDigest: digests.action,
    presentationDigest: digests.card,
  }
  const verdictOf = (command: IntentCommand) => after(...review, command).at(-2)

  it('of a verdict is who, through what, on what they saw, and nothing that was not there', () => {
    const { reasonCommitment: _, ...bare } = verdict(people.ben)
    expect(verdictOf(bare)).toStrictEqual({ type: 'VerdictRecorded', data: recorded })
    expect(verdictOf({ ...bare, subjects: [] })).toStrictEqual({ type: 'VerdictRecorded', data: recorded })
  })

  it('of a verdict is all the evidence that came with it', () => {
    const evidence = {
      authTime: at(1),
      reasonCommitment: digests.reason,
      sealedReasonId: ids.receipt,
      signature: { keyId: ids.account, commitment: digests.other, sealedSignatureId: ids.execution },
      subjects: [{ subjectId: people.ben, commitment: digests.other }],
    }
    expect(verdictOf({ ...verdict(people.ben), ...evidence })).toEqual({
      type: 'VerdictRecorded',
      data: { ...recorded, ...evidence },
    })
  })
})

describe('a verdict', () => {
  it('is given by nobody while the directory is stale', () =>
    given(...after(...review))
      .when(verdict(people.ben, 'approve', { standing: standing({ directoryStale: true }) }))
      .thenRefuses('directory_stale'))

  it('of no stands though the card did not show everything', () =>
    given(...after(...review))
      .when(
        verdict(people.ben, 'deny', {
          presentation: { digest: digests.card, actionDigest: digests.action, complete: false },
        }),
      )
      .then('VerdictRecorded', 'ReviewDenied'))

  it('on a review that has run out is told so', () =>
    given(...after(...review, { type: 'ExpireIntent', now: at(31) }))
      .when(verdict(people.ben))
      .thenRefuses('review_expired'))

  it('on an intent that nobody is asked about is none', () =>
    given(...after(evaluate('allow')))
      .when(verdict(people.ben))
      .thenRefuses('unknown_review'))

  it('of the executor is refused', () =>
    given(intentPublished({ executor: { subjectId: people.ben, clientId: 'etl-bot' } }), ...after(...review).slice(1))
      .when(verdict(people.ben))
      .thenRefuses('self_approval'))

  it('of somebody whose groups nobody knew when it was asked for is refused', () =>
    given(...after(...review))
      .when(verdict(people.ben, 'approve', { standing: standing({ heldWhenAsked: new Map() }) }))
      .thenRefuses('joined_after_request'))
})

describe('collecting', () => {
  it('of what policy allows asks nothing of the directory', () =>
    given(...after(evaluate('allow')))
      .when(collect({ standing: standing({ directoryStale: true }) }))
      .then('GrantIssued'))

  it('again stops at a freeze', () =>
    given(...after(...grant))
      .when(collect({ frozen: true }))
      .thenRefuses('frozen'))

  it('stops when the approver is not in the directory any more', () =>
    given(...after(...approval))
      .when(collect({ standing: standing({ groupsOf: new Map() }) }))
      .thenRefuses('no_longer_eligible'))
})

describe('a grant', () => {
  it('is revoked by its id, and once', () => {
    given(...after(...grant))
      .when({ ...revoke, grantId: ids.receipt })
      .thenRefuses('unknown_grant')
    given(...after(...grant, revoke))
      .when(revoke)
      .thenNothing()
  })

  it('does not run out before its end, nor when it was used or never issued', () => {
    const expire: IntentCommand = { type: 'ExpireGrant', now: at(9) }
    given(...after(...grant))
      .when({ ...expire, now: at(7.99) })
      .thenNothing()
    given(...after(...redemption))
      .when(expire)
      .thenNothing()
    given(...after(...approval))
      .when(expire)
      .thenNothing()
  })

  it('is bound to no key by a proof that does not hold', () =>
    expect(
      provenKeys({
        proof: 'invalid',
        request: { method: 'POST', url: '', accessTokenDigest: '' },
        registered: undefined,
      }),
    ).toStrictEqual({}))
})

describe('seats', () => {
  const intent = (state: IntentStream): Intent => (isPublished(state) ? state : expect.fail('it is not published'))

  it('of an intent that nobody reviews are none, and never all filled', () => {
    const unreviewed = intent(evolve(initialState, intentPublished()))
    expect(filledSeats(unreviewed, standing())).toEqual([])
    expect(everySeatFilled(unreviewed, standing())).toBe(false)
  })

  it('are filled by somebody once, however often they are named', () =>
    expect(
      fillSeats(
        [{ group: 'data-owners', count: 2 }],
        [
          { person: people.ben, groups: ['data-owners'] },
          { person: people.ben, groups: ['data-owners'] },
        ],
      ),
    ).toEqual([{ group: 'data-owners', person: people.ben }]))

  it('take whoever comes second into another seat when the first one cannot move', () =>
    expect(
      fillSeats(
        [
          { group: 'data-owners', count: 1 },
          { group: 'security', count: 1 },
        ],
        [
          { person: people.ben, groups: ['data-owners'] },
          { person: people.cora, groups: ['data-owners', 'security'] },
        ],
      ),
    ).toEqual([
      { group: 'data-owners', person: people.ben },
      { group: 'security', person: people.cora },
    ]))
})

describe('an upper bound', () => {
  it('is the whole text of a precondition or none', () => {
    for (const text of ['x<=13', '<=13x', '<= 13', '<=013', '<=']) {
      expect([text, isBound(text), preconditionHolds(text, '5')]).toEqual([text, false, false])
    }
    expect(isBound('<=13')).toBe(true)
  })

  it('that is ill written still looks like one', () => {
    expect(['<=13', '<=x', '<='].every(looksLikeBound)).toBe(true)
    expect(['13', 'x<=', ''].some(looksLikeBound)).toBe(false)
  })
})
