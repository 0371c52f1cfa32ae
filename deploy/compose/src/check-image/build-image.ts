import { copyFile, cp, mkdir, mkdtemp, rename, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../compose-file/compose-file.ts'
import { runProgram } from './run-program.ts'

const baseImage = 'localhost/countersign-check-base'
const checkedImage = 'localhost/countersign-check'
const release = 'bookworm'

/** The built image, mounted: the same folder, variables and defaults that an engine would take from it. */
export type BuiltImage = {
  readonly root: string
  readonly megabytes: number
  readonly environment: readonly string[]
  readonly workingDir: string
  readonly user: string
  readonly remove: () => Promise<void>
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A Debian of the packages that every Debian has, as a tar file; made when it is not in the folder. */
const debian = async (cacheDir: string): Promise<string> => {
  const file = join(cacheDir, `${release}-minbase.tar`)
  if (await exists(file)) return file
  await mkdir(cacheDir, { recursive: true })
  const folder = await mkdtemp(join(cacheDir, 'debootstrap-'))
  try {
    await runProgram('debootstrap', ['--variant=minbase', release, folder])
    const left = ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale', 'usr/share/man', 'dev']
    const without = left.map((path) => `--exclude=./${path}/*`)
    await runProgram('tar', ['-C', folder, '-cf', `${file}.new`, ...without, '.'])
    await rename(`${file}.new`, file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return file
}

/** Stands in for the official Node image, which cannot be pulled without a registry: Debian, Node and npm. */
const buildBase = async (cacheDir: string): Promise<void> => {
  const layer = await mkdtemp(join(cacheDir, 'base-'))
  try {
    await mkdir(join(layer, 'usr/local/bin'), { recursive: true })
    await copyFile(process.execPath, join(layer, 'usr/local/bin/node'))
    const npm = join(layer, 'usr/local/lib/npm')
    await runProgram('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', npm, 'npm@11'])
    await symlink('../lib/npm/node_modules/npm/bin/npm-cli.js', join(layer, 'usr/local/bin/npm'))
    const variables = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
    const certificates = process.env['NODE_EXTRA_CA_CERTS']
    if (certificates !== undefined) {
      // Whoever needs a certificate of their own to reach the registry needs it in the build, too.
      await cp(certificates, join(layer, 'usr/local/share/build-certificates.crt'), { dereference: true })
      variables.push('NODE_EXTRA_CA_CERTS=/usr/local/share/build-certificates.crt')
    }
    const container = (await runProgram('buildah', ['from', 'scratch'])).trim()
    await runProgram('buildah', ['add', '-q', container, await debian(cacheDir), '/'])
    await runProgram('buildah', ['add', '-q', container, layer, '/'])
    await runProgram('buildah', ['config', ...variables.flatMap((variable) => ['--env', variable]), container])
    await runProgram('buildah', ['commit', '-q', '--rm', container, baseImage])
  } finally {
    await rm(layer, { recursive: true, force: true })
  }
}

type Inspected = {
  readonly OCIv1: { readonly config: { readonly Env: string[]; readonly User: string; readonly WorkingDir: string } }
}

/** Builds the Dockerfile on that base and mounts the image. */
export const buildImage = async (cacheDir: string, say: (step: string) => void): Promise<BuiltImage> => {
  await mkdir(cacheDir, { recursive: true })
  say('make a base: debootstrap, Node, npm')
  await buildBase(cacheDir)
  say('build the Dockerfile')
  const base = ['--isolation', 'chroot', '--build-arg', `BASE=${baseImage}`]
  const build = ['build', '--layers=false', '--target', 'runtime', '-t', checkedImage]
  await runProgram('buildah', [...build, ...base, '.'], { cwd: root })
  const inspected = JSON.parse(await runProgram('buildah', ['inspect', '--type', 'image', checkedImage])) as Inspected
  const container = (await runProgram('buildah', ['from', checkedImage])).trim()
  const mounted = (await runProgram('buildah', ['mount', container])).trim()
  const bytes = (await runProgram('du', ['-sb', mounted])).split('\t')[0]
  const { Env, User, WorkingDir } = inspected.OCIv1.config
  return {
    root: mounted,
    megabytes: Math.round(Number(bytes) / 1_000_000),
    environment: Env,
    workingDir: WorkingDir,
    user: User,
    remove: async () => {
      await runProgram('buildah', ['rm', container])
      await runProgram('buildah', ['rmi', checkedImage, baseImage])
    },
  }
}
