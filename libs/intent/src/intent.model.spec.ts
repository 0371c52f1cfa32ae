import { isRefusal, type IntentEvent } from '@countersign/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { brokenRule, type Step } from './history-rules.fixture.ts'
import { decide, evolve, type IntentCommand, type IntentStream } from './index.ts'
import {
  at,
  collect,
  digests,
  evaluate,
  ids,
  intentPublished,
  people,
  redeem,
  report,
  standing,
  verdict,
} from './intent.fixture.ts'

type Decide = typeof decide

/** `MODEL_SEQUENCES=5000000` is the nightly run. */
const sequences = Number(process.env['MODEL_SEQUENCES'] ?? 200_000)

const excluded = new Set<string>([people.dana, people.client, people.agent])
const person = fc.constantFrom(people.ben, people.cora, people.dana, people.erin, people.client)
const everyone = standing({
  groupsOf: new Map(
    [people.ben, people.cora, people.dana, people.client, people.erin].map((one) => [
      one,
      one === people.erin ? ['security'] : one === people.cora ? ['data-owners', 'security'] : ['data-owners'],
    ]),
  ),
})
const seats = fc.constantFrom(
  [{ group: 'data-owners', count: 1 }],
  [{ group: 'data-owners', count: 2 }],
  [
    { group: 'data-owners', count: 1 },
    { group: 'security', count: 1 },
  ],
)
const digest = fc.constantFrom(digests.action, digests.action, digests.other)
const redemption = fc.constantFrom(ids.redemption, ids.execution)

/** A command and the minutes that pass before it. */
const timed: fc.Arbitrary<{ wait: number; command: IntentCommand }> = fc.record({
  wait: fc.constantFrom(0, 0, 1, 2, 4, 9, 32),
  command: fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          person,
          fc.constantFrom('approve' as const, 'approve' as const, 'approve' as const, 'deny' as const),
          fc.constantFrom('mfa' as const, 'mfa' as const, 'chat' as const),
        )
        .map(([who, choice, assurance]) => verdict(who, choice, { standing: everyone, assurance })),
    },
    { weight: 3, arbitrary: fc.constant(collect({ standing: everyone })) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(digest, redemption)
        .map(([presentedDigest, redemptionId]) => redeem({ presentedDigest, redemptionId })),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('started' as const, 'succeeded' as const, 'failed' as const)
        .map((outcome) => report(outcome)),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<IntentCommand>(
        { type: 'ExpireIntent', now: '' },
        { type: 'ExpireGrant', now: '' },
        { type: 'MarkExecutionUnknown', now: '' },
        { type: 'WithdrawIntent', now: '', by: people.client },
        { type: 'RevokeGrant', now: '', grantId: ids.grant, by: people.dana, cause: 'owner' },
        { type: 'ReconcileExecution', now: '', by: people.ben, outcome: 'failed' },
      ),
    },
  ),
})
const life = fc.record({
  evaluation: fc
    .tuple(
      fc.constantFrom('review' as const, 'review' as const, 'review' as const, 'allow' as const, 'deny' as const),
      seats,
      fc.constantFrom({}, { assurance: { atLeast: 'mfa' as const } }),
    )
    .map(([effect, asked, demand]) => evaluate(effect, { seats: asked, ...demand })),
  commands: fc.array(timed, { maxLength: 14 }),
})

/** Lives one intent through `decider` and answers the first rule that its history breaks. */
const liveThrough = (
  decider: Decide,
  {
    evaluation,
    commands,
  }: { evaluation: IntentCommand; commands: readonly { wait: number; command: IntentCommand }[] },
): string | undefined => {
  const birth: IntentEvent = intentPublished()
  let state: IntentStream = evolve({ status: 'unborn' }, birth)
  const steps: Step[] = [{ command: evaluation, events: [birth] }]
  let minutes = 1
  for (const { wait, command } of [{ wait: 0, command: evaluation }, ...commands]) {
    minutes += wait
    const timely = { ...command, now: at(minutes) }
    const outcome = decider(timely, state)
    if (isRefusal(outcome)) continue
    state = outcome.reduce(evolve, state)
    steps.push({ command: timely, events: outcome })
  }
  return brokenRule(excluded, steps)
}

const firstBroken = (decider: Decide, numRuns: number) =>
  fc.check(
    fc.property(life, (one) => liveThrough(decider, one) === undefined),
    { numRuns, seed: 20261121 },
  )

/** Faults that are easy to make; each lets exactly one thing slip. */
const faults: Record<string, Decide> = {
  'self-approval': (command, state) =>
    decide(
      command,
      'published' in state
        ? {
            ...state,
            published: {
              ...state.published,
              requester: ids.intent,
              owners: [],
              executor: { subjectId: ids.intent, clientId: 'x' },
            },
          }
        : state,
    ),
  'self-approval of owners read too late': (command, state) =>
    decide(
      command.type === 'RecordVerdict' ? { ...command, standing: { ...command.standing, owners: [] } } : command,
      'published' in state ? { ...state, published: { ...state.published, owners: [] } } : state,
    ),
  'one person twice': (command, state) =>
    decide(
      command,
      'review' in state && state.review !== undefined
        ? {
            ...state,
            review: {
              ...state.review,
              verdicts: state.review.verdicts.map((one) =>
                one.person === people.ben ? { ...one, person: people.cora } : one,
              ),
            },
          }
        : state,
    ),
  'a yes of somebody who did not sign in as demanded': (command, state) =>
    decide(command.type === 'RecordVerdict' ? { ...command, assurance: 'webauthn' } : command, state),
  'changed parameters': (command, state) =>
    decide(command.type === 'RedeemGrant' ? { ...command, presentedDigest: digests.action } : command, state),
  'a grant used twice': (command, state) => {
    if (!('grant' in state) || state.grant === undefined || state.status !== 'redeemed') return decide(command, state)
    const { redemption: _, ...grant } = state.grant
    return decide(command, command.type === 'RedeemGrant' ? { ...state, status: 'granted', grant } : state)
  },
  'a grant used after its end': (command, state) =>
    decide(command.type === 'RedeemGrant' ? { ...command, now: at(1) } : command, state),
  'an approval after the deadline': (command, state) =>
    decide(command.type === 'RecordVerdict' ? { ...command, now: at(1) } : command, state),
  'a verdict after a deny': (command, state) =>
    decide(
      command,
      command.type === 'RecordVerdict' && state.status === 'denied' && state.review !== undefined
        ? { ...state, status: 'in_review' }
        : state,
    ),
}

describe('every life of an intent', () => {
  it(
    `keeps all rules, in ${sequences.toLocaleString('en')} random sequences of commands`,
    () => {
      const result = firstBroken(decide, sequences)
      expect({ failed: result.failed, counterexample: result.counterexample }).toEqual({
        failed: false,
        counterexample: null,
      })
    },
    Math.max(120_000, sequences),
  )

  it.each(Object.keys(faults))('would be seen to break them with the fault: %s', (name) => {
    const faulty = faults[name]
    if (faulty === undefined) throw new Error('no such fault')
    expect(firstBroken(faulty, 20_000).failed).toBe(true)
  })
})
