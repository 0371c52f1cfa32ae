import { accepted, holds, refused } from '../evidence.ts'
import type { Credential } from '../gate.ts'
import type { Guarantee, Trial } from '../guarantee.ts'
import {
  actions,
  approvedBy,
  askFor,
  decide,
  type InReview,
  inReview,
  one,
  shownToReviewer,
  stateOf,
} from '../requests.ts'

/** Somebody's yes is refused and changes nothing, and another person's yes to the same request counts. */
const onlyAnotherApproves = async (
  trial: Trial,
  { intentId, reviewId }: InReview,
  { who, as, codes }: { who: string; as: Credential; codes: readonly string[] },
): Promise<string> => {
  const code = refused(`the yes of ${who}`, await decide(trial, as, reviewId), codes)
  const state = await stateOf(trial, intentId)
  holds(state === 'in_review', `after the refused yes of ${who} the request is ${state}`)
  await approvedBy(trial, one(trial.cast, 'reviewer'), reviewId)
  return `${code}; another person's yes counted`
}

const control = 'Another reviewer then approves the same request, so the refusal was about the person.'

export const aboutPeople: readonly Guarantee[] = [
  {
    id: 'G01',
    title: 'Nobody approves what is asked for them',
    meaning: 'Whoever an agent acts for cannot say yes to it, although they hold a seat, whatever their role.',
    test: `The agent asks on behalf of a reviewer, who then says yes: refused, the request still waits. ${control}`,
    check: async (trial) => {
      const asker = one(trial.cast, 'asker')
      const request = await inReview(trial, askFor(actions.reviewed, { onBehalfOf: one(trial.cast, 'askerName') }))
      const codes = ['self_approval', 'in_delegation_chain']
      return onlyAnotherApproves(trial, request, { who: 'whom it was asked for', as: asker, codes })
    },
  },
  {
    id: 'G02',
    title: 'The owner of an agent does not approve for it',
    meaning: 'Whoever answers for an agent is not the second pair of eyes on what it does.',
    test: `The agent asks, and its owner, who holds a seat, says yes: refused, the request still waits. ${control}`,
    check: async (trial) => {
      const owner = one(trial.cast, 'owner')
      const codes = ['owner_of_agent']
      return onlyAnotherApproves(trial, await inReview(trial), { who: 'the owner of the agent', as: owner, codes })
    },
  },
  {
    id: 'G03',
    title: 'Nobody whom a request passed through approves it',
    meaning: 'A chain of agents does not wash off who began it: the chain is taken from the verified token.',
    test: `The agent asks with a token whose act claim names a reviewer, who says yes: refused. ${control}`,
    check: async (trial) => {
      const request = await inReview(trial, askFor(actions.reviewed), one(trial.cast, 'delegatedAgent'))
      const codes = ['in_delegation_chain', 'self_approval']
      const asker = one(trial.cast, 'asker')
      return onlyAnotherApproves(trial, request, { who: 'whom it passed through', as: asker, codes })
    },
  },
  {
    id: 'G04',
    title: 'One person counts once',
    meaning: 'Where two have to agree, one who says yes twice is one.',
    test: 'A request needs two people. One says yes twice: the second is refused and the request waits. A second person says yes: approved.',
    check: async (trial) => {
      const reviewer = one(trial.cast, 'reviewer')
      const { intentId, reviewId } = await inReview(trial, askFor(actions.reviewedByTwo))
      const first = accepted('the first yes', await decide(trial, reviewer, reviewId))
      holds(first.state === 'in_review', `after one yes of two the request is ${first.state}`)
      const code = refused('the second yes of one person', await decide(trial, reviewer, reviewId), ['already_voted'])
      const state = await stateOf(trial, intentId)
      holds(state === 'in_review', `after two yeses of one person the request is ${state}`)
      await approvedBy(trial, one(trial.cast, 'secondReviewer'), reviewId)
      return `${code}; a second person's yes counted`
    },
  },
  {
    id: 'G05',
    title: 'Only who holds a seat decides',
    meaning: 'Being known, or being signed in, is not enough: the policy names the groups that decide.',
    test: `Somebody of the tenant without a seat says yes: refused, the request still waits. ${control}`,
    check: async (trial) => {
      const onlooker = one(trial.cast, 'onlooker')
      const codes = ['not_eligible']
      return onlyAnotherApproves(trial, await inReview(trial), { who: 'somebody without a seat', as: onlooker, codes })
    },
  },
  {
    id: 'G06',
    title: 'A program does not decide',
    meaning: 'An agent cannot say yes, neither to its own request nor to another, whatever it was delegated.',
    test: `The agent and another client answer the review with their own credentials: refused. ${control}`,
    check: async (trial) => {
      const { intentId, reviewId } = await inReview(trial)
      const codes = ['not_human']
      refused('the yes of another client', await decide(trial, one(trial.cast, 'anotherAgent'), reviewId), codes)
      const agent = one(trial.cast, 'agent')
      return onlyAnotherApproves(
        trial,
        { intentId, reviewId, ask: askFor(actions.reviewed) },
        { who: 'the agent', as: agent, codes },
      )
    },
  },
  {
    id: 'G11',
    title: 'A yes counts only for what was shown',
    meaning:
      'What a person decides on is bound to their answer; a card that was swapped or never shown decides nothing.',
    test: `A reviewer says yes with the digest of something else: refused. ${control}`,
    check: async (trial) => {
      const { gate, cast } = trial
      const { intentId, reviewId } = await inReview(trial)
      const shown = `sha256:${'0'.repeat(64)}`
      const verdict = { verdict: 'approve', shown, reason: 'a trial of the gate' } as const
      await shownToReviewer(trial, reviewId)
      const code = refused('a yes to another card', await gate.decide(one(cast, 'secondReviewer'), reviewId, verdict), [
        'card_stale',
      ])
      const state = await stateOf(trial, intentId)
      holds(state === 'in_review', `after a yes to another card the request is ${state}`)
      await approvedBy(trial, one(cast, 'secondReviewer'), reviewId)
      return `${code}; the same person's yes to what was shown counted`
    },
  },
]
