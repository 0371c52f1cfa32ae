import type { IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, it } from 'vitest'
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
