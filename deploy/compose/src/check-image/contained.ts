import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { argumentsOf, type ComposeService, mountsOf, root as repository } from '../compose-file/compose-file.ts'

/** Where a service's root, volumes and names come from. */
export type Ground = {
  /** Root of its image. */
  readonly root: string
  /** An empty folder, on which the root is mounted while something runs. */
  readonly view: string
  /** Folder with a folder for each named volume. */
  readonly volumes: string
  readonly hostsFile: string
  readonly environment: readonly string[]
  readonly workingDir: string
  readonly user: string
  /** Folders in memory, and mounts, beyond those of the service. */
  readonly tmpfs?: readonly string[]
  readonly mounts?: readonly string[]
}

/** A program that runs as a container would. */
export type Contained = {
  readonly exited: Promise<number | NodeJS.Signals>
  /** The last lines that it printed. */
  readonly lines: () => readonly string[]
  readonly stop: () => Promise<number | NodeJS.Signals>
}

const keptLines = 20

const rightsOf = (service: ComposeService, image: string): string[] => {
  const [user = '', group = user] = (service.user ?? image).split(':')
  const added = (service.cap_add ?? []).map((capability) => `+${capability.toLowerCase()}`)
  const sets = ['-all', ...added].join()
  return [
    '/usr/bin/setpriv',
    `--reuid=${user}`,
    `--regid=${group}`,
    '--clear-groups',
    '--inh-caps=-all',
    `--bounding-set=${sets}`,
    ...(service.security_opt?.includes('no-new-privileges:true') ? ['--no-new-privs'] : []),
    '--',
  ]
}

const keepLines = (child: ChildProcess): (() => readonly string[]) => {
  const kept: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      kept.push(...chunk.toString().trimEnd().split('\n'))
      kept.splice(0, kept.length - keptLines)
    })
  return () => kept
}

/** Starts these arguments in the service's root, with its user, rights, variables, volumes and network. */
export const startContained = (
  service: ComposeService,
  ground: Ground,
  args: readonly string[] = argumentsOf(service),
): Contained => {
  const sourceOf = (source: string): string =>
    source.startsWith('.') ? join(repository, source) : join(ground.volumes, source)
  const mounts = mountsOf(service).map(
    ({ source, target, isReadOnly }) => `${sourceOf(source)} ${target} ${isReadOnly ? 'ro' : 'rw'}`,
  )
  const environment = Object.entries(service.environment ?? {}).map(([name, value]) => `${name}=${value}`)
  const program = ['/usr/bin/env', '-i', '-C', ground.workingDir, ...ground.environment, ...environment]
  const network = service.network_mode === 'none' ? ['--net'] : []
  const child = spawn(
    'unshare',
    [
      '--mount',
      ...network,
      join(repository, 'deploy/compose/contain.sh'),
      ...program,
      ...rightsOf(service, ground.user),
      ...args,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        PATH: process.env['PATH'],
        ROOT: ground.root,
        VIEW: ground.view,
        HOSTS: ground.hostsFile,
        TMPFS: [...(service.tmpfs ?? []), ...(ground.tmpfs ?? [])].join(' '),
        MOUNTS: [...mounts, ...(ground.mounts ?? [])].join('\n'),
      },
    },
  )
  const exited = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? 1)
  return {
    exited,
    lines: keepLines(child),
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}
