import { expect, it } from 'vitest'
import { packages, typescript, withoutComments, type Problem, type Source } from './workspace.ts'

/** One `src/index.ts` a package, whose exports are all named; nowhere else is there an index. */
const problemsOf = (sources: readonly Source[], folders: readonly string[]): Problem[] => [
  ...folders
    .filter((folder) => !sources.some(({ path }) => path === `${folder}/src/index.ts`))
    .map((folder) => `${folder} has no src/index.ts`),
  ...sources
    .filter(({ path }) => path.endsWith('/index.ts') && !folders.some((folder) => path === `${folder}/src/index.ts`))
    .map(({ path }) => `${path} is a barrel inside a package`),
  ...sources
    .filter(({ text }) => /^\s*export\s+(type\s+)?\*/m.test(withoutComments(text)))
    .map(({ path }) => `${path} exports without names`),
]

const libraries = () =>
  packages()
    .map(({ folder }) => folder)
    .filter((folder) => /^(libs|apps|deploy)\//.test(folder))

it('has one barrel a package, with named exports', () => {
  const sources = typescript().filter(({ path }) => !path.startsWith('test/'))
  expect(problemsOf(sources, libraries())).toEqual([])
})

it('would find a missing one, one inside and one without names', () => {
  const inside = { path: 'libs/bus/src/postgres/index.ts', text: "export * from './log.ts'" }
  expect(problemsOf([inside], ['libs/bus'])).toHaveLength(3)
})
