import { expect, it } from 'vitest'
import { typescript, withoutComments, type Problem, type Source } from './workspace.ts'

const decorator = /(^|[\s(,])@[A-Z][A-Za-z]*\(/m
/** Where Nest's decorators belong. */
const shell = /\.(controller|module)\.ts$|\.spec\.ts$/

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources
    .filter(({ path, text }) => !shell.test(path) && decorator.test(withoutComments(text)))
    .map(({ path }) => `${path} has a decorator; controllers and modules are the only shell`)

it('keeps decorators in controllers and modules', () => {
  expect(problemsOf(typescript())).toEqual([])
})

it('would find one in a handler, on a class or a parameter', () => {
  expect(problemsOf([{ path: 'apps/a/src/b/b.handler.ts', text: '@Injectable()\nexport class B {}' }])).toHaveLength(1)
  expect(problemsOf([{ path: 'apps/a/src/b/b.ts', text: 'constructor(@Inject(POOL) pool: Pool) {}' }])).toHaveLength(1)
  expect(problemsOf([{ path: 'apps/a/src/b/b.controller.ts', text: '@Controller()' }])).toEqual([])
})
