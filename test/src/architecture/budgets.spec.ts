import { expect, it } from 'vitest'
import { isTestCode, typescript, type Problem, type Source } from './workspace.ts'

const lines = { code: 300, tests: 500 } as const

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources.flatMap(({ path, text }) => {
    const count = text.trimEnd().split('\n').length
    const budget = isTestCode(path) ? lines.tests : lines.code
    return count > budget ? [`${path} has ${count} lines of ${budget}`] : []
  })

it('keeps files short enough to read in one go', () => {
  expect(problemsOf(typescript())).toEqual([])
})

it('would find one that is a line too long', () => {
  const text = `${'x\n'.repeat(301)}`
  expect(problemsOf([{ path: 'libs/bus/src/a.ts', text }])).toHaveLength(1)
  expect(problemsOf([{ path: 'libs/bus/src/a.spec.ts', text }])).toEqual([])
})
