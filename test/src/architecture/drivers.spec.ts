import { expect, it } from 'vitest'
import { importsOf, typescript, type Problem, type Source } from './workspace.ts'

/** A driver is a file that makes a `Bus`. */
const isDriver = ({ path, text }: Source): boolean =>
  path.startsWith('libs/bus/src/') && !path.endsWith('.spec.ts') && /export const create\w+Bus\b/.test(text)

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources.filter(isDriver).flatMap(({ path }) => {
    const spec = sources.find((one) => one.path === path.replace(/\.ts$/, '.spec.ts'))
    const calls =
      spec !== undefined && importsOf(spec.text).includes('./bus.contract.ts') && /^busContract\(/m.test(spec.text)
    return calls ? [] : [`${path} has no spec beside it that calls busContract`]
  })

it('holds every bus driver to the one contract', () => {
  const sources = typescript()
  expect(sources.filter(isDriver).length).toBeGreaterThan(0)
  expect(problemsOf(sources)).toEqual([])
})

it('would find a driver without it', () => {
  const driver = { path: 'libs/bus/src/kafka.ts', text: 'export const createKafkaBus = () => {}' }
  expect(problemsOf([driver])).toHaveLength(1)
  expect(problemsOf([driver, { path: 'libs/bus/src/kafka.spec.ts', text: '// busContract(' }])).toHaveLength(1)
})
