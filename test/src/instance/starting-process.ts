import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BusName } from './bus.ts'
import { freePorts } from './free-ports.ts'
import { programOf } from './product-process.ts'
import { until } from './until.ts'

/** What a start that was broken off left. */
export type Ended = {
  readonly how: number | string
  readonly output: string
  /** Processes that still have the data folder in their command line. */
  readonly left: readonly string[]
  /** What each service logged, line by line. */
  readonly logs: ReadonlyMap<string, readonly string[]>
}

const linesOf = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

const processesWith = (text: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => linesOf(`/proc/${pid}/cmdline`).join(' ').replaceAll('\0', ' '))
    .filter((command) => command.includes(text))

/** Starts the built product on a new data folder, and asks it to stop as Ctrl-C does as soon as `isTime`. */
export const stopWhile = async (
  bus: BusName,
  isTime: (output: string, logs: ReadonlyMap<string, readonly string[]>) => boolean,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'countersign-starting-'))
  chmodSync(dataDir, 0o711)
  try {
    const child = spawn(
      process.execPath,
      [programOf(bus), '--data-dir', dataDir, '--port', String(await freePorts(10))],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', DATABASE_URL: '', ...environment },
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    const ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => code ?? signal ?? 'unknown')
    const folder = join(dataDir, 'logs')
    const isRunning = () => child.exitCode === null && child.signalCode === null
    const what = 'the moment to stop'
    await until(async () => isTime(output, readLogs(folder)) || !isRunning(), { what, withinMs: 120_000 })
    if (!isRunning()) throw new Error(`it ended before:\n${output}`)
    child.kill('SIGINT')
    const how = await ended
    return { how, output, left: processesWith(dataDir), logs: readLogs(folder) }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const readLogs = (folder: string): Map<string, string[]> => {
  try {
    return new Map(readdirSync(folder).map((file) => [file, linesOf(join(folder, file))]))
  } catch {
    return new Map()
  }
}
