import { refusals } from '@countersign/contracts'
import { expect, it } from 'vitest'
import { production, withoutComments, type Problem, type Source } from './workspace.ts'

/** Tables that list codes use none of them. */
const tables = /^libs\/contracts\/|^libs\/service-kit\/src\/problem-status\.ts$/

const problemsOf = (codes: readonly string[], sources: readonly Source[]): Problem[] => {
  const used = sources
    .filter(({ path }) => !tables.test(path))
    .map(({ text }) => withoutComments(text))
    .join('\n')
  return codes
    .filter((code) => !new RegExp(`['"\`]${code}['"\`]|\\b${code}:`).test(used))
    .map((code) => `${code} is never said`)
}

it('says every refusal code somewhere', () => {
  expect(problemsOf(Object.keys(refusals), production())).toEqual([])
})

it('would find one that only a table or a comment knows', () => {
  const sources = [
    { path: 'libs/contracts/src/refusals.ts', text: "'self_approval'" },
    { path: 'libs/intent/src/decide.ts', text: "// 'self_approval'" },
  ]
  expect(problemsOf(['self_approval'], sources)).toHaveLength(1)
})
