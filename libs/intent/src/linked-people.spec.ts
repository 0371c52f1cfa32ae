import type { IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, it } from 'vitest'
import { decide, evolve, initialState, type IntentCommand, type IntentStream } from './index.ts'
import { collect, evaluate, intentPublished, people, standing, verdict } from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const asked = (count: number, published = intentPublished()) =>
  given(published)
    .when(evaluate('review', { seats: [{ group: 'data-owners', count }] }))
    .events()
const same = (...known: string[]) =>
  standing({ alsoKnownAs: new Map(known.map((one) => [one, known.filter((other) => other !== one)])) })

describe('one natural person who signs in at two identity providers', () => {
  it('is an owner under both names when one of them owns the agent', () =>
    given(...asked(1))
      .when(verdict(people.ben, 'approve', { standing: same(people.ben, people.dana) }))
      .thenRefuses('owner_of_agent'))

  it('approves under neither name what they asked for under the other', () =>
    given(...asked(1, intentPublished({ onBehalfOf: people.mallory })))
      .when(verdict(people.ben, 'approve', { standing: same(people.ben, people.mallory) }))
      .thenRefuses('self_approval'))

  it('is in the chain under both names', () =>
    given(...asked(1, intentPublished({ delegation: [people.mallory] })))
      .when(verdict(people.ben, 'approve', { standing: same(people.ben, people.mallory) }))
      .thenRefuses('in_delegation_chain'))

  it('is an author of an unreviewed change under both names', () =>
    given(...asked(1))
      .when(
        verdict(people.ben, 'approve', {
          standing: { ...same(people.ben, people.mallory), unreviewedAuthors: [people.mallory] },
        }),
      )
      .thenRefuses('policy_author'))

  it('says yes once, under whichever name', () => {
    const once = given(...asked(2)).when(verdict(people.ben))
    given(...once.events())
      .when(verdict(people.cora, 'approve', { standing: same(people.ben, people.cora) }))
      .thenRefuses('already_voted')
  })

  it('fills one seat, also with approvals that were given before it was known', () => {
    const twice = given(...asked(2)).when(verdict(people.ben))
    const approved = given(...twice.events()).when(verdict(people.cora))
    approved.then('VerdictRecorded', 'ReviewApproved')
    given(...approved.events())
      .when(collect({ standing: same(people.ben, people.cora) }))
      .thenRefuses('no_longer_eligible')
    given(...approved.events())
      .when(collect({ standing: same(people.ben, people.mallory) }))
      .then('GrantIssued')
  })

  it('keeps the seats that each name has, and gets none of the other’s', () => {
    given(...asked(1))
      .when(verdict(people.erin, 'approve', { standing: same(people.erin, people.ben) }))
      .thenRefuses('not_eligible')
    given(...asked(1))
      .when(verdict(people.ben, 'approve', { standing: same(people.erin, people.ben) }))
      .then('VerdictRecorded', 'ReviewApproved')
  })
})
