import { expect, it } from 'vitest'
import {
  importsOf,
  isTestCode,
  packageOf,
  packages,
  typescript,
  type Package,
  type Problem,
  type Source,
} from './workspace.ts'

/** Tag → tags that it may build on. `testing` is for tests, so it appears only below. */
const mayDependOn: Readonly<Record<string, readonly string[]>> = {
  'type:contracts': [],
  'type:domain': ['type:contracts'],
  'type:adapter': ['type:contracts', 'type:domain'],
  'type:shell': ['type:contracts', 'type:domain', 'type:adapter'],
  'type:client': ['type:contracts', 'type:domain'],
  'type:testing': ['type:contracts', 'type:domain', 'type:adapter'],
  'type:app': ['type:contracts', 'type:domain', 'type:adapter', 'type:shell', 'type:client'],
  'type:composite': [
    'type:contracts',
    'type:domain',
    'type:adapter',
    'type:shell',
    'type:client',
    'type:app',
    'type:composite',
    'type:testing',
  ],
}
/** Single arrows beyond the table, each with its reason. */
const excepted: Readonly<Record<string, string>> = {
  'libs/intent → @countersign/redaction':
    'compares what is about to run with what was approved, as the digest binds it',
  'libs/ledger-check → @countersign/event-store': 'compares the store with its log, so it reads both',
  'apps/cli → @countersign/loopback': 'signs a person of the demo in, as a browser would',
}
/** What only whoever starts a whole deployment may build on, beside tests. */
const onlyForComposites = new Set(['@countersign/embedded-postgres'])

const problemsOf = (all: readonly Package[]): Problem[] => {
  const byName = new Map(all.map((one) => [one.name, one]))
  return all.flatMap(({ folder, tags, dependencies, devDependencies }) => {
    const [tag = ''] = tags
    const allowed = mayDependOn[tag]
    if (tags.length !== 1 || allowed === undefined) return [`${folder} has no single known type tag`]
    const forbidden = (name: string, more: readonly string[]): Problem[] => {
      const target = byName.get(name)
      if (target === undefined || excepted[`${folder} → ${name}`] !== undefined) return []
      if (!target.tags.some((one) => allowed.includes(one) || more.includes(one)))
        return [`${folder} (${tag}) may not depend on ${name} (${target.tags.join()})`]
      const isReserved = onlyForComposites.has(name) && tag !== 'type:composite' && tag !== 'type:testing'
      return isReserved ? [`${folder} may not depend on ${name}: only a composite starts a database`] : []
    }
    return [
      ...dependencies.flatMap((name) => forbidden(name, [])),
      ...devDependencies.flatMap((name) => forbidden(name, ['type:testing'])),
    ]
  })
}

/** Code that runs in production imports nothing that only tests have. */
const devImports = (all: readonly Package[], sources: readonly Source[]): Problem[] =>
  sources
    .filter(({ path }) => !isTestCode(path))
    .flatMap(({ path, text }) => {
      const owner = all.find(({ folder }) => path.startsWith(`${folder}/`))
      return importsOf(text)
        .filter((specifier) =>
          owner?.devDependencies.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
        )
        .filter(
          (specifier) =>
            !owner?.dependencies.includes(
              specifier
                .split('/')
                .slice(0, specifier.startsWith('@') ? 2 : 1)
                .join('/'),
            ),
        )
        .map((specifier) => `${path} imports ${specifier}, which is only a dev dependency`)
    })

/** Nobody reaches into another package past its entry points. */
const reachesIn = (sources: readonly Source[]): Problem[] =>
  sources.flatMap(({ path, text }) => {
    const home = path
      .split('/')
      .slice(0, path.startsWith('test/') ? 1 : 2)
      .join('/')
    return importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .filter((specifier) => !new URL(specifier, `file:///${path}`).pathname.startsWith(`/${home}/`))
      .map((specifier) => `${path} reaches out of its package: ${specifier}`)
  })

it('follows contracts ← domain ← adapters ← shell ← apps', () => {
  expect(problemsOf(packages())).toEqual([])
})

it('keeps no exception that nobody needs any more', () => {
  const arrows = packages().flatMap(({ folder, dependencies }) => dependencies.map((name) => `${folder} → ${name}`))
  expect(Object.keys(excepted).filter((arrow) => !arrows.includes(arrow))).toEqual([])
})

it('lets production code import only what is a real dependency', () => {
  expect(devImports(packages(), typescript())).toEqual([])
})

it('lets no file reach past the entry points of another package', () => {
  expect(reachesIn(typescript().filter(({ path }) => /^(libs|apps|test)\//.test(path)))).toEqual([])
})

const made = (folder: string, tag: string, dependencies: string[], devDependencies: string[] = []): Package =>
  packageOf(folder, {
    name: `@countersign/${folder.split('/')[1]}`,
    nx: { tags: [tag] },
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '1'])),
    devDependencies: Object.fromEntries(devDependencies.map((name) => [name, '1'])),
  })

it.each([
  ['a domain library on another', made('libs/one', 'type:domain', ['@countersign/other']), 'type:domain'],
  ['an adapter on the shell', made('libs/one', 'type:adapter', ['@countersign/other']), 'type:shell'],
  ['an app on an app', made('apps/one', 'type:app', ['@countersign/other']), 'type:app'],
  ['an app on a double', made('apps/one', 'type:app', ['@countersign/other']), 'type:testing'],
  ['contracts on anything', made('libs/one', 'type:contracts', [], ['@countersign/other']), 'type:domain'],
])('would find %s', (_case, one, tag) => {
  expect(problemsOf([one, made('libs/other', tag, [])])).toHaveLength(1)
})

it('would find an app that starts a database, an untagged package, and takes a double for tests', () => {
  const database = made('libs/embedded-postgres', 'type:adapter', [])
  expect(problemsOf([database, made('apps/one', 'type:app', ['@countersign/embedded-postgres'])])).toHaveLength(1)
  expect(problemsOf([made('libs/one', 'type:nothing', [])])).toHaveLength(1)
  const double = made('libs/loopback', 'type:testing', [])
  expect(problemsOf([double, made('apps/one', 'type:app', [], ['@countersign/loopback'])])).toEqual([])
})

it('would find an import of a dev dependency, and one past an entry point', () => {
  const text = "import { it } from 'vitest'\nimport { x } from '../../other/src/x.ts'"
  const one = made('libs/one', 'type:domain', [], ['vitest'])
  expect(devImports([one], [{ path: 'libs/one/src/a.ts', text }])).toHaveLength(1)
  expect(devImports([one], [{ path: 'libs/one/src/a.spec.ts', text }])).toEqual([])
  expect(reachesIn([{ path: 'libs/one/src/a.ts', text }])).toHaveLength(1)
})
