import { expect, it } from 'vitest'
import { trackedFiles, type Problem } from './workspace.ts'

const banned = new Set('utils util helpers helper common shared misc core manager data info base impl'.split(' '))
/** Policy files are named after families of actions, which are the user's words. */
const families = /^policies\//
/** Names that their tool, licence or specification gives. */
const given =
  /(^|\/)(fixtures|generated|released)\/|(^|\/)(README|LICENSE|Dockerfile|CHANGELOG|CONTRIBUTING|SECURITY|ARCHITECTURE|AGENTS|CLAUDE)[A-Za-z-]*(\.md)?$/
const kebab = /^\.?[a-z0-9]+([.-][a-z0-9]+)*$/

const problemsOf = (paths: readonly string[]): Problem[] =>
  paths
    .filter((path) => !given.test(path))
    .flatMap((path) => {
      const segments = path.split('/')
      const stems = segments.map((segment, at) =>
        at === segments.length - 1 ? (segment.split('.')[0] ?? '') : segment,
      )
      return [
        ...stems
          .filter((stem) => banned.has(stem) && !families.test(path))
          .map((stem) => `${path}: ${stem} names nothing`),
        ...segments.filter((segment) => !kebab.test(segment)).map((segment) => `${path}: ${segment} is not kebab-case`),
      ]
    })

it('calls every folder and file by what it is, in kebab-case', () => {
  expect(problemsOf(trackedFiles())).toEqual([])
})

it('would find a name that says nothing and one in another case', () => {
  expect(
    problemsOf(['libs/bus/src/utils/order.ts', 'libs/bus/src/helpers.ts', 'libs/bus/src/OrderKey.ts']),
  ).toHaveLength(3)
})
