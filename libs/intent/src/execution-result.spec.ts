import type { IntentEvent } from '@countersign/contracts'
import { deciderSpec } from '@countersign/spec-kit'
import { describe, it } from 'vitest'
import { decide, evolve, initialState, type IntentCommand, type IntentStream } from './index.ts'
import { at, collect, evaluate, intentPublished, redeem, report } from './intent.fixture.ts'

const { given } = deciderSpec<IntentStream, IntentCommand, IntentEvent>({ decide, evolve, initialState })

const after = (events: readonly IntentEvent[], command: IntentCommand): IntentEvent[] =>
  given(...events)
    .when(command)
    .events()
const redeemed = [evaluate('allow'), collect(), redeem()].reduce(after, [intentPublished()])
const unknown = after(redeemed, { type: 'MarkExecutionUnknown', now: at(14) })

describe('the result of an execution', () => {
  const told = given(...after(redeemed, report('succeeded', { result: { rows: 5 } })))

  it('may be told again', () => told.when(report('succeeded', { result: { rows: 5 } })).thenNothing())

  it.each<[string, object]>([
    ['other', { rows: 6 }],
    ['more', { rows: 5, bytes: 1 }],
    ['less', {}],
  ])('is the first that is told: nothing %s is taken as the same', (_what, result) =>
    told.when(report('succeeded', { result })).thenRefuses('already_reported'),
  )

  it('has one reason where it failed', () => {
    const failed = given(...after(redeemed, report('failed', { code: 'no_space' })))
    failed.when(report('failed', { code: 'no_space' })).thenNothing()
    failed.when(report('failed', { code: 'another' })).thenRefuses('already_reported')
    failed.when(report('failed')).thenRefuses('already_reported')
  })

  it('that comes late may be told again as well, and not otherwise', () => {
    const late = given(...after(unknown, report('failed')))
    late.when(report('failed')).thenNothing()
    late.when(report('succeeded')).thenRefuses('already_reported')
  })

  it('that a person has found out is not the executor’s to tell again', () => {
    const found = { type: 'ReconcileExecution', now: at(15), by: 'olga', outcome: 'failed' } as const
    given(...after(unknown, found))
      .when(report('failed'))
      .thenRefuses('already_reported')
  })
})
