import { expect, it } from 'vitest'
import { type Ending, sequelOf } from './restarts.ts'

const died: Ending = { how: 1, readyMs: 0 }

/** Pauses before each start of a process that always ends the same way, until it is given up. */
const pausesAfter = (ending: Ending, most = 20): number[] => {
  const pauses: number[] = []
  for (let failures = 0; pauses.length < most; ) {
    const sequel = sequelOf(ending, failures)
    if (sequel.kind === 'give-up') return pauses
    pauses.push(sequel.afterMs)
    failures = sequel.failures
  }
  return pauses
}

it('starts a service that died again, later each time, and gives it up after five short lives', () => {
  expect(pausesAfter(died)).toEqual([250, 500, 1_000, 2_000, 4_000])
})

it('starts a service that had worked for ten seconds again at once, and forgets its earlier failures', () => {
  expect(sequelOf({ how: 'SIGKILL', readyMs: 10_000 }, 5)).toEqual({ kind: 'again', afterMs: 0, failures: 1 })
  expect(pausesAfter({ how: 'SIGKILL', readyMs: 10_000 }, 7)).toEqual(Array(7).fill(0))
})

it('never gives up a service that could not start because store or bus were away', () => {
  expect(pausesAfter({ how: 75, readyMs: 0 }, 20)).toEqual(Array(20).fill(500))
  expect(sequelOf({ how: 75, readyMs: 0 }, 4)).toMatchObject({ failures: 4 })
})

it('does not start a service again whose configuration is not usable', () => {
  expect(sequelOf({ how: 78, readyMs: 0 }, 0)).toEqual({ kind: 'give-up' })
})
