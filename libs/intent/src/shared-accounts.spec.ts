import type { IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, it } from 'vitest'
import { decide, evolve, initialState, type IntentCommand, type IntentStream } from './index.ts'
import { collect, evaluate, intentPublished, people, standing, verdict } from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })
const inReview = given(intentPublished()).when(evaluate('review')).events()
const shared = standing({ notHuman: [people.ben] })

describe('a shared or service account', () => {
  it('never approves, whatever groups it is in', () =>
    given(...inReview)
      .when(verdict(people.ben, 'approve', { standing: shared }))
      .thenRefuses('not_human'))

  it('never denies', () =>
    given(...inReview)
      .when(verdict(people.ben, 'deny', { standing: shared }))
      .thenRefuses('not_human'))

  it('that approved before it was found to be one no longer counts when the grant is collected', () => {
    const approved = given(...inReview).when(verdict(people.ben))
    approved.then('VerdictRecorded', 'ReviewApproved')
    given(...approved.events())
      .when(collect({ standing: shared }))
      .thenRefuses('no_longer_eligible')
  })

  it('keeps nobody else from deciding', () =>
    given(...inReview)
      .when(verdict(people.cora, 'approve', { standing: shared }))
      .then('VerdictRecorded', 'ReviewApproved'))
})

describe('a program that holds a person’s token', () => {
  const through = standing({ throughProgram: true })

  it.each(['approve', 'deny'] as const)('does not %s in their name', (choice) =>
    given(...inReview)
      .when(verdict(people.ben, choice, { standing: through }))
      .thenRefuses('not_human'),
  )
})
