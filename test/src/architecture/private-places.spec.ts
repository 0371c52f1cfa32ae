import { expect, it } from 'vitest'
import { readText, trackedFiles, type Problem, type Source } from './workspace.ts'

/** Folders of one machine, and addresses of package registries and their mirrors. */
const places: readonly [pattern: RegExp, what: string][] = [
  [/(^|[\s'"`(=:])\/(work|home|root|Users)\//m, 'a folder of one machine'],
  [/[A-Z]:\\Users\\/, 'a folder of one machine'],
  [
    /\bregistry\.(npmjs|yarnpkg)\.(org|com)\b|\bnpm\.pkg\.github\.com\b|\bartifactory\b|\bverdaccio\b|\/nexus\/repository\//i,
    'a package registry',
  ],
]
const isText = (path: string): boolean => !/\.(gz|png|jpg|woff2?|ico|pdf)$/.test(path)
/** Recordings of others keep what they hold; the patterns of this file have to name what they look for. */
const excepted = /(^|\/)fixtures\/|^test\/src\/architecture\/private-places\.spec\.ts$/

const problemsOf = (sources: readonly Source[]): Problem[] =>
  sources.flatMap(({ path, text }) =>
    places.filter(([pattern]) => pattern.test(text)).map(([, what]) => `${path} mentions ${what}`),
  )

it('mentions no folder of a machine and no package registry', () => {
  const files = trackedFiles().filter((path) => isText(path) && !excepted.test(path))
  expect(problemsOf(files.map((path) => ({ path, text: readText(path) })))).toEqual([])
})

// Put together here, so that this file mentions none either.
it.each([
  ['cd ', 'work', 'main'].join('/'),
  `"resolved": "https://${['registry', 'npmjs', 'org'].join('.')}/nx"`,
  `registry=https://mirror.example/${['artifact', 'ory'].join('')}/npm`,
  ['see ', 'home', 'ada', 'notes'].join('/'),
])('would find %s', (text) => {
  expect(problemsOf([{ path: 'README.md', text }])).toHaveLength(1)
})
