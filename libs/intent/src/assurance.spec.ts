import type { Assurance, AssuranceDemand, IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, expect, it } from 'vitest'
import { decide, evolve, initialState, type IntentCommand, type IntentStream } from './index.ts'
import { at, evaluate, intentPublished, people, standing, verdict } from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const asked = (assurance: AssuranceDemand, seats = [{ group: 'data-owners', count: 1 }]) =>
  given(intentPublished()).when(evaluate('review', { assurance, seats })).events()
const yes = (assurance: Assurance, authTime?: string) =>
  verdict(people.ben, 'approve', { assurance, ...(authTime === undefined ? {} : { authTime }) })
const order: readonly Assurance[] = ['chat', 'sso', 'mfa', 'webauthn']

describe('a review that demands a surer sign-in', () => {
  it.each(['sso', 'mfa', 'webauthn'] as const)('for %s takes a yes from there on and none below', (atLeast) => {
    for (const assurance of order) {
      const decided = given(...asked({ atLeast })).when(yes(assurance))
      if (order.indexOf(assurance) < order.indexOf(atLeast)) decided.thenRefuses('step_up_required')
      else decided.then('VerdictRecorded', 'ReviewApproved')
    }
  })

  it('says what it takes, so that the client can ask for it', () => {
    const demand: AssuranceDemand = { atLeast: 'mfa', signedInWithinMs: 900_000 }
    expect(given(...asked(demand)).when(yes('chat')).outcome).toMatchObject({ assurance: demand })
  })

  it.each([
    ['at the very limit', at(2 - 15), true],
    ['a second beyond the limit', at(2 - 15 - 1 / 60), false],
    ['just now by a clock a minute ahead', at(3), true],
    ['in the future', at(3.1), false],
    ['at a time that is none', 'yesterday', false],
    ['at a time that nobody knows', undefined, false],
  ])('recently takes a sign-in %s: %s', (_when, authTime, isTaken) => {
    const decided = given(...asked({ atLeast: 'sso', signedInWithinMs: 15 * 60_000 })).when(yes('webauthn', authTime))
    if (isTaken) decided.then('VerdictRecorded', 'ReviewApproved')
    else decided.thenRefuses('step_up_required')
  })

  it('takes a no however its person signed in', () =>
    given(...asked({ atLeast: 'webauthn', signedInWithinMs: 60_000 }))
      .when(verdict(people.ben, 'deny'))
      .then('VerdictRecorded', 'ReviewDenied'))

  it('tells nobody to sign in again for a yes that could not count anyway', () => {
    const demand: AssuranceDemand = { atLeast: 'webauthn' }
    const one = given(...asked(demand))
    one.when(verdict(people.dana)).thenRefuses('owner_of_agent')
    one.when(verdict(people.erin)).thenRefuses('not_eligible')
    one
      .when(verdict(people.ben, 'approve', { standing: standing({ groupsOf: new Map() }) }))
      .thenRefuses('person_inactive')
    const { presentation: _, ...unseen } = verdict(people.ben)
    one.when(unseen).thenRefuses('card_stale')
    const seats = [
      { group: 'data-owners', count: 1 },
      { group: 'security', count: 1 },
    ]
    const half = given(...asked(demand, seats)).when(yes('webauthn'))
    given(...half.events())
      .when(verdict(people.partner))
      .thenRefuses('seat_taken')
  })

  it('keeps how and when they signed in with the verdict', () => {
    const { outcome } = given(...asked({ atLeast: 'mfa' })).when(yes('mfa', at(1)))
    expect(outcome).toMatchObject([{ data: { assurance: 'mfa', authTime: at(1) } }, {}])
  })
})
