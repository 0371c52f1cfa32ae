import type { IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, expect, it } from 'vitest'
import { decide, evolve, initialState, type IntentCommand, type IntentStream } from './index.ts'
import { collect, evaluate, intentPublished, people, standing, verdict } from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const asked = (published = intentPublished()) =>
  given(published)
    .when(evaluate('review', { seats: [{ group: 'data-owners', count: 1 }] }))
    .events()
const seatedBy = (adder: string, seated: string = people.ben) => standing({ seatedBy: new Map([[seated, [adder]]]) })

describe('a seat that one person gave, and no other has reviewed', () => {
  it('is no seat for what its giver owns', () =>
    given(...asked())
      .when(verdict(people.ben, 'approve', { standing: seatedBy(people.dana) }))
      .thenRefuses('seated_by_party'))

  it('is none for what its giver asked for', () =>
    given(...asked(intentPublished({ onBehalfOf: people.mallory })))
      .when(verdict(people.ben, 'approve', { standing: seatedBy(people.mallory) }))
      .thenRefuses('seated_by_party'))

  it('is none for what came through its giver, for a no neither', () =>
    given(...asked(intentPublished({ delegation: [people.mallory] })))
      .when(verdict(people.ben, 'deny', { standing: seatedBy(people.mallory) }))
      .thenRefuses('seated_by_party'))

  it('is one for the requests of others', () =>
    given(...asked())
      .when(verdict(people.ben, 'approve', { standing: seatedBy(people.mallory) }))
      .then('VerdictRecorded', 'ReviewApproved'))

  it('is told with the verdict where it rests on one word, and only the seat that was asked for', () => {
    const seat = { group: 'data-owners', word: people.mallory, change: 7 }
    const onOneWord = new Map([[people.ben, [seat, { ...seat, group: 'operators' }]]])
    const told = given(...asked()).when(verdict(people.ben, 'approve', { standing: standing({ onOneWord }) }))
    const recorded = told.events().find(({ type }) => type === 'VerdictRecorded')
    expect(recorded?.data).toMatchObject({ onOneWord: [seat] })
  })

  it('is none under any name of who got it', () => {
    const twoNames = { alsoKnownAs: new Map([[people.ben, [people.erin]]]) }
    given(...asked())
      .when(verdict(people.ben, 'approve', { standing: { ...seatedBy(people.dana, people.erin), ...twoNames } }))
      .thenRefuses('seated_by_party')
  })

  it('is judged again when the grant is collected', () => {
    const approved = given(...asked()).when(verdict(people.ben))
    given(...approved.events())
      .when(collect({ standing: seatedBy(people.dana) }))
      .thenRefuses('no_longer_eligible')
  })
})

describe('a seat that awaits the review of a second person', () => {
  const awaiting = (person: string, held: readonly string[] = []) =>
    standing({ groupsOf: new Map([[person, held]]), awaitingReview: new Map([[person, ['data-owners']]]) })

  it('is none, for a yes or a no, and who has it is told why', () => {
    for (const choice of ['approve', 'deny'] as const)
      given(...asked())
        .when(verdict(people.ben, choice, { standing: awaiting(people.ben) }))
        .thenRefuses('seat_unreviewed')
  })

  it('says nothing of a seat that is not asked for', () =>
    given(...asked())
      .when(
        verdict(people.ben, 'approve', {
          standing: standing({
            groupsOf: new Map([[people.ben, []]]),
            awaitingReview: new Map([[people.ben, ['other']]]),
          }),
        }),
      )
      .thenRefuses('not_eligible'))

  it('takes nothing from a seat that counts', () =>
    given(...asked())
      .when(verdict(people.ben, 'approve', { standing: awaiting(people.ben, ['data-owners']) }))
      .then('VerdictRecorded', 'ReviewApproved'))

  it('does not fill the seat when the grant is collected', () => {
    const approved = given(...asked()).when(verdict(people.ben))
    given(...approved.events())
      .when(collect({ standing: awaiting(people.ben) }))
      .thenRefuses('no_longer_eligible')
  })
})
