import { expect, it } from 'vitest'
import { production, withoutComments, type Problem, type Source } from './workspace.ts'

/** Whoever may know that there is a demo or a test: the packages that are one, and the command that signs its people in. */
const mayKnow = /^(apps\/standalone|apps\/cli|libs\/loopback|libs\/spec-kit)\//
const asks = /\bNODE_ENV\b|\bVITEST\b|\bdemo\b|\bis(Test|Demo|Mock)\b/i

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources
    .filter(({ path }) => /^(apps|libs)\//.test(path) && !mayKnow.test(path))
    .filter(({ text }) => asks.test(withoutComments(text)))
    .map(({ path }) => `${path} knows about a demo or a test`)

it('has no service code that knows whether it is a demo or a test', () => {
  expect(problemsOf(production())).toEqual([])
})

it.each(["if (process.env.NODE_ENV === 'test') return", 'const tenant = demo ? a : b', 'if (process.env.VITEST) {}'])(
  'would find %s',
  (text) => {
    expect(problemsOf([{ path: 'apps/intake/src/a.ts', text }])).toHaveLength(1)
    expect(problemsOf([{ path: 'apps/standalone/src/a.ts', text }])).toEqual([])
  },
)
