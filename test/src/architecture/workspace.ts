import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../../..')

/** A file by its path from the root, with its text. */
export type Source = { readonly path: string; readonly text: string }

/** What a rule found wrong: a sentence that begins with the path. */
export type Problem = string

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Every file that git tracks and that is there. */
export const trackedFiles = (): string[] =>
  execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))

/** Tracked TypeScript, tests included, without what is recorded or generated. */
export const typescript = (): Source[] =>
  trackedFiles()
    .filter((path) => path.endsWith('.ts') && !/(^|\/)(fixtures|generated)\//.test(path))
    .map((path) => ({ path, text: readText(path) }))

/** Files that never run in production: specs, their fixtures, contracts that drivers pass, benches. */
export const isTestCode = (path: string): boolean =>
  /\.(spec|fixture|contract|global-setup|bench)\.ts$|\/(spec-[a-z-]+|contract-bench)\.ts$|^test\/|^libs\/spec-kit\//.test(
    path,
  )

export const production = (): Source[] => typescript().filter(({ path }) => !isTestCode(path))

/** Text without comments, so that a rule judges only code. Strings stay. */
export const withoutComments = (text: string): string =>
  text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1')

/** Modules that a file imports or re-exports, dynamic imports with a literal included. */
export const importsOf = (text: string): string[] =>
  [
    ...withoutComments(text).matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g,
    ),
  ].flatMap(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? [])

export type Package = {
  readonly folder: string
  readonly name: string
  readonly tags: readonly string[]
  readonly dependencies: readonly string[]
  readonly devDependencies: readonly string[]
}

type Manifest = {
  name: string
  nx?: { tags?: string[] }
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

export const packageOf = (folder: string, manifest: Manifest): Package => ({
  folder,
  name: manifest.name,
  tags: manifest.nx?.tags ?? [],
  dependencies: Object.keys(manifest.dependencies ?? {}),
  devDependencies: Object.keys(manifest.devDependencies ?? {}),
})

/** The workspace's packages, read from their manifests. */
export const packages = (): Package[] =>
  [
    ...['libs', 'apps', 'deploy'].flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`)),
    'test',
  ]
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => packageOf(folder, JSON.parse(readText(`${folder}/package.json`)) as Manifest))

export const folderExists = (path: string): boolean => existsSync(join(root, path))
