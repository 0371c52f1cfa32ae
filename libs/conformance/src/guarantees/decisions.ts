import { setTimeout as delay } from 'node:timers/promises'
import { accepted, Broken, given, holds, refused, Unproven } from '../evidence.ts'
import type { Guarantee } from '../guarantee.ts'
import { actions, approvedBy, asked, askFor, decide, inReview, one, shownToReviewer, stateOf } from '../requests.ts'

const deadlineMs = 30_000
const noLonger = ['review_closed', 'review_expired', 'already_voted', 'seat_taken']

export const aboutDecisions: readonly Guarantee[] = [
  {
    id: 'G19',
    title: 'Nothing runs before somebody has decided',
    meaning: 'Waiting is waiting: there is nothing to collect until the last seat is filled.',
    test: 'The agent collects while the request waits: refused. After a yes it collects.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const { intentId, reviewId } = await inReview(trial)
      const code = refused('collecting before the decision', await gate.collect(agent, intentId), ['not_decided'])
      await approvedBy(trial, one(cast, 'reviewer'), reviewId)
      accepted('collecting after the decision', await gate.collect(agent, intentId))
      return `${code}; after the yes there was a grant`
    },
  },
  {
    id: 'G20',
    title: 'A no is final',
    meaning: 'Nobody can turn a no into a yes, and nothing can be collected after it.',
    test: 'One reviewer says no, another yes: refused. The agent collects: refused.',
    check: async (trial) => {
      const { gate, cast } = trial
      const { intentId, reviewId } = await inReview(trial)
      const { state } = accepted('the no', await decide(trial, one(cast, 'reviewer'), reviewId, 'deny'))
      given(state === 'denied', `after the no the request is ${state}`)
      const code = refused('a yes after the no', await decide(trial, one(cast, 'secondReviewer'), reviewId), noLonger)
      const now = await stateOf(trial, intentId)
      holds(now === 'denied', `after a yes after the no the request is ${now}`)
      refused('collecting after the no', await gate.collect(one(cast, 'agent'), intentId), ['intent_denied'])
      return code
    },
  },
  {
    id: 'G21',
    title: 'A late answer changes nothing',
    meaning: 'What was decided stays decided; an answer that comes after the end is recorded as what it is.',
    test: 'After a yes a second reviewer says no: refused, the request stays approved, the late answer is among the records.',
    check: async (trial) => {
      const { gate, cast } = trial
      const { intentId, reviewId } = await inReview(trial)
      await approvedBy(trial, one(cast, 'reviewer'), reviewId)
      const late = await decide(trial, one(cast, 'secondReviewer'), reviewId, 'deny')
      const code = refused('a no after the end', late, ['review_closed'])
      const state = await stateOf(trial, intentId)
      holds(state === 'approved', `after the late answer the request is ${state}`)
      const records = accepted('reading the records', await gate.readRecords(one(cast, 'auditor'), intentId))
      holds(
        records.some((record) => record.code === code),
        'the late answer is not among the records',
      )
      return `${code}, recorded`
    },
  },
  {
    id: 'G22',
    title: 'Answers at the same moment give one decision',
    meaning: 'However many people press at once, there is one decision, and each of them is told clearly.',
    test: 'Everybody who holds a seat says yes or no at once: one answer decides, each other gets a clear refusal, none an error.',
    check: async (trial) => {
      const { gate, cast } = trial
      const crowd = [one(cast, 'reviewer'), one(cast, 'secondReviewer'), ...one(cast, 'crowd')]
      given(crowd.length >= 4, 'there are too few reviewers to race')
      const { intentId, reviewId } = await inReview(trial)
      await shownToReviewer(trial, reviewId)
      const shown = await Promise.all(
        crowd.map(async (as) => {
          const read = await gate.readReview(as, reviewId)
          return read.accepted ? read.value.shown : undefined
        }),
      )
      if (!shown.every((digest) => digest !== undefined)) throw new Unproven('not everybody could read the review')
      const outcomes = await Promise.all(
        crowd.map((as, at) =>
          gate.decide(as, reviewId, {
            verdict: at % 2 === 0 ? 'approve' : 'deny',
            shown: shown[at] ?? '',
            reason: 'a trial of the gate',
          }),
        ),
      )
      const decided = outcomes.filter((outcome) => outcome.accepted).length
      if (decided > 1) throw new Broken(`${decided} of ${crowd.length} answers decided`)
      for (const outcome of outcomes) {
        if (!outcome.accepted && !noLonger.includes(outcome.code)) throw new Broken(`somebody was told ${outcome.code}`)
      }
      const winner = outcomes.findIndex((outcome) => outcome.accepted)
      given(winner >= 0, 'nobody decided')
      const state = await stateOf(trial, intentId)
      const wanted = winner % 2 === 0 ? 'approved' : 'denied'
      holds(state === wanted, `the answer that decided makes it ${wanted}, but the request is ${state}`)
      return `1 of ${crowd.length} decided, ${crowd.length - 1} were told no`
    },
  },
  {
    id: 'G23',
    title: 'What was withdrawn is not granted',
    meaning: 'Whoever takes a request back can rely on that.',
    test: 'The agent withdraws while the request waits. A reviewer says yes: refused. The agent collects: refused.',
    check: async (trial) => {
      const { gate, cast } = trial
      const agent = one(cast, 'agent')
      const { intentId, reviewId } = await inReview(trial)
      accepted('withdrawing', await gate.withdraw(agent, intentId))
      refused('a yes after it', await decide(trial, one(cast, 'reviewer'), reviewId), noLonger)
      return refused('collecting after it', await gate.collect(agent, intentId), ['intent_withdrawn'])
    },
  },
  {
    id: 'G24',
    title: 'Nobody answering is a no',
    meaning: 'A request that nobody looks at is refused at its deadline. No setting turns silence into a yes.',
    test: 'A request with the shortest deadline is left alone. After it: a yes is refused, collecting is refused, the request is expired.',
    waitsForDeadline: true,
    check: async (trial) => {
      const { gate, cast, signal } = trial
      const { intentId, reviewId } = await inReview(trial, askFor(actions.urgent))
      await delay(deadlineMs + 1_000, undefined, { signal })
      const late = await decide(trial, one(cast, 'reviewer'), reviewId)
      const code = refused('a yes after the deadline', late, ['review_expired', 'review_closed'])
      const collected = await gate.collect(one(cast, 'agent'), intentId)
      refused('collecting after the deadline', collected, ['intent_expired', 'not_decided'])
      const state = await stateOf(trial, intentId)
      holds(['expired', 'in_review'].includes(state), `after its deadline the request is ${state}`)
      return code
    },
  },
  {
    id: 'G27',
    title: 'What no rule names is denied',
    meaning: 'An action that nobody thought of is not waved through.',
    test: 'The agent asks for an action that no rule names: denied, and nothing can be collected. One that is allowed is allowed.',
    check: async (trial) => {
      const { intentId, state } = await asked(trial, askFor(actions.unknown))
      holds(state === 'denied', `an action that no rule names is ${state}`)
      refused('collecting', await trial.gate.collect(one(trial.cast, 'agent'), intentId), ['intent_denied'])
      const other = await asked(trial, askFor(actions.allowed))
      given(other.state === 'allowed', `an action that a rule allows is ${other.state}`)
      return 'denied; what a rule allows was allowed'
    },
  },
  {
    id: 'G28',
    title: 'What a rule forbids nobody can approve',
    meaning: 'Some things are never right: there is no review in which somebody could be talked into them.',
    test: 'The agent asks for a forbidden action: denied without a review, and nothing can be collected.',
    check: async (trial) => {
      const { intentId, state, reviewId } = await asked(trial, askFor(actions.forbidden))
      holds(state === 'denied', `a forbidden action is ${state}`)
      holds(reviewId === undefined, 'a forbidden action has a review')
      const code = refused('collecting', await trial.gate.collect(one(trial.cast, 'agent'), intentId), [
        'intent_denied',
      ])
      const other = await inReview(trial)
      await approvedBy(trial, one(trial.cast, 'reviewer'), other.reviewId)
      return `${code}; what a rule puts to review could be approved`
    },
  },
]
