import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Entry points that give a spec a real PostgreSQL, and the files behind them. */
const databasePackages = [
  '@countersign/spec-kit/postgres',
  '@countersign/event-store/spec-store',
  '@countersign/embedded-postgres',
  '@countersign/standalone',
]
const databaseFiles = new Set([
  'libs/spec-kit/src/postgres.ts',
  'libs/embedded-postgres/src/start-embedded-postgres.ts',
])
/** Below `test`, everything but the architecture rules works with whole deployments. */
const wholeDeployments = /^test\/src\/(?!architecture\/)/

const specifiers = /\bfrom\s+'([^']+)'|\bimport\s*\(?\s*'([^']+)'/g

/** Whether a file reaches PostgreSQL: by itself, or by what it imports of its own package. */
const reachesDatabase = (path: string, seen: Set<string>): boolean => {
  if (seen.has(path)) return false
  seen.add(path)
  if (databaseFiles.has(path)) return true
  const text = readFileSync(join(root, path), 'utf8')
  if (text.includes("inject('testPostgres'")) return true
  return [...text.matchAll(specifiers)].some(([, from, imported]) => {
    const specifier = from ?? imported ?? ''
    if (!specifier.startsWith('.')) return databasePackages.some((name) => specifier === name)
    const file = relative(root, resolve(root, dirname(path), specifier))
    return file.endsWith('.ts') && existsSync(join(root, file)) && reachesDatabase(file, seen)
  })
}

export const specPatterns = ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'test/src/**/*.spec.ts']

/** Specs that need a PostgreSQL, found by what they import; all others are unit tests. */
export const specsWithDatabase = (): string[] =>
  globSync(specPatterns, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => wholeDeployments.test(path) || reachesDatabase(path, new Set()))
    .sort()
