import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Failure } from '../exit-codes.ts'
import { type Credentials, readCredentials } from '../find-deployment/credentials.ts'

/** An instance that answers. */
export type Instance = {
  readonly dataDir: string
  readonly credentials: Credentials
  /** How long it took to start; undefined for one that was running already. */
  readonly startedInMs: number | undefined
  /** Where its traces are, when it was started with them. */
  readonly tracesFile: string | undefined
  /** Ends what was started here. */
  readonly stop: () => Promise<void>
}

/** What the services of an instance are on. */
export const buses = ['postgres', 'kafka'] as const
export type BusName = (typeof buses)[number]

export type InstanceOptions = {
  /** Data folder that the user named; COUNTERSIGN_DATA_DIR or .countersign if absent. */
  readonly dataDir: string | undefined
  /** First port to try. */
  readonly port: number
  /** The bus that the instance has to be on; absent: whichever it is on, and the embedded one for a new instance. */
  readonly bus?: BusName | undefined
  /** Told how a start is going, a line each. */
  readonly onStep?: (line: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

const programOf = (main: string): string => fileURLToPath(new URL(`../../../standalone/dist/${main}`, import.meta.url))

/** How an instance on each bus is started, and how long that and its end may take. */
const starts = {
  postgres: { program: programOf('main.js'), flags: [], patienceMs: 60_000, stopMs: 15_000 },
  kafka: { program: programOf('services-main.js'), flags: ['--with-kafka'], patienceMs: 180_000, stopMs: 60_000 },
} as const

/** The running instance of a data folder. */
const runningIn = async (dataDir: string): Promise<Instance | undefined> => {
  const credentials = await readCredentials(dataDir)
  if (credentials === undefined || !(await isReady(credentials.baseUrl))) return undefined
  return { dataDir, credentials, startedInMs: undefined, tracesFile: undefined, stop: async () => undefined }
}

const isReady = async (baseUrl: string): Promise<boolean> => {
  try {
    const answer = await fetch(`${baseUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}

/** The instance that runs in the data folder, or one that is started there for this. Everything it keeps stays. */
export const findInstance = async (options: InstanceOptions): Promise<Instance> => {
  const dataDir = options.dataDir ?? options.env['COUNTERSIGN_DATA_DIR'] ?? '.countersign'
  const running = await runningIn(dataDir)
  if (running === undefined) return start(dataDir, options)
  const bus = running.credentials.kafka === undefined ? 'postgres' : 'kafka'
  if (options.bus === undefined || options.bus === bus) return running
  throw new Failure(`an instance on the ${bus} bus runs in ${dataDir}`, {
    next: 'Stop it, or use another data folder with --data-dir.',
  })
}

/** An instance of its own with traces in a file, in a fresh folder that is removed at the end. */
export const startTracedInstance = (options: InstanceOptions): Promise<Instance> =>
  inFreshFolder(async (folder) => {
    const tracesFile = join(folder, 'traces.jsonl')
    return { ...(await start(join(folder, 'data'), options, ['--trace-file', tracesFile])), tracesFile }
  })

/** An instance of its own with another policy set, in a fresh folder that is removed at the end. */
export const startFreshInstance = (options: InstanceOptions, { policies }: { policies: string }): Promise<Instance> =>
  inFreshFolder((folder) => start(join(folder, 'data'), options, ['--policies', policies]))

const inFreshFolder = async (begin: (folder: string) => Promise<Instance>): Promise<Instance> => {
  const folder = await freshFolder()
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const instance = await begin(folder)
    return {
      ...instance,
      stop: async () => {
        await instance.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

const start = async (dataDir: string, options: InstanceOptions, extra: readonly string[] = []): Promise<Instance> => {
  const began = performance.now()
  const { program, flags: more, patienceMs, stopMs } = starts[options.bus ?? 'postgres']
  const told: string[] = []
  const flags = ['--data-dir', dataDir, '--port', String(options.port), ...more]
  const child = spawn(process.execPath, [program, ...flags, ...extra], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...options.env, NO_COLOR: '1' },
    // Ctrl-C reaches this process alone, which then ends its instance in order.
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      told.push(chunk.toString())
      const lines = chunk.toString().trimEnd().split('\n')
      if (!told.join('').includes(readyWords)) for (const line of lines) options.onStep?.(line)
    })
  }
  const stop = (): Promise<void> => end(child, stopMs)
  try {
    const credentials = await ready(child, { dataDir, told, patienceMs, signal: options.signal })
    return { dataDir, credentials, startedInMs: performance.now() - began, tracesFile: undefined, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A folder that the user whom PostgreSQL runs as can pass through. */
const freshFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-fresh-'))
  await chmod(folder, 0o711)
  return folder
}

const readyWords = 'Countersign is ready'

const ready = async (
  child: ChildProcess,
  {
    dataDir,
    told,
    patienceMs,
    signal,
  }: { dataDir: string; told: readonly string[]; patienceMs: number; signal: AbortSignal },
): Promise<Credentials> => {
  const until = performance.now() + patienceMs
  while (performance.now() < until) {
    signal.throwIfAborted()
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Failure('Countersign could not be started', {
        why: told.join('').split('could not start: ').at(-1)?.trim().split('\n').slice(-3).join(' · '),
      })
    }
    // Its last line; before that the folder may hold the credentials of an earlier start.
    if (told.join('').includes(readyWords)) {
      const instance = await runningIn(dataDir)
      if (instance !== undefined) return instance.credentials
    }
    await delay(50)
  }
  throw new Failure(`Countersign was not ready within ${patienceMs / 1_000} s`)
}

const end = async (child: ChildProcess, stopMs: number): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => void child.kill('SIGKILL'), stopMs)
  await ended
  clearTimeout(timer)
}
