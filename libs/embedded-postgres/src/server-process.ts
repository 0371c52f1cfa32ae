import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import type { DataDir } from './data-dir.ts'
import { isAlive, isPostgres } from './process-identity.ts'
import type { ServerAccount } from './server-account.ts'
import { serverArguments, serverEnvironment, type ServerLimits } from './server-settings.ts'

const POLL_MS = 15
const FAST_SHUTDOWN_MS = 30_000
const LOG_KEPT_BYTES = 10 * 1024 * 1024

/** Why a server did not come up, with what it said last. */
export class ServerStartError extends Error {
  readonly lastWords: string
  constructor(message: string, lastWords: string) {
    super(lastWords ? `${message}: ${lastWords}` : message)
    this.name = 'ServerStartError'
    this.lastWords = lastWords
  }
}

export type ServerProcess = { readonly child: ChildProcess; readonly pid: number; readonly exited: Promise<void> }

/**
 * Starts `postgres` and resolves when it accepts connections (after crash recovery, if there is any).
 *
 * It leads a process group of its own: the terminal's Ctrl-C reaches us, and we stop it in order. It writes its log to a
 * file, not to a pipe, so it survives and can be found again if this process is killed.
 */
export async function startServer(
  dir: DataDir,
  { binaries, account, ...limits }: ServerLimits & { binaries: Binaries; account: ServerAccount },
): Promise<ServerProcess> {
  const log = await open(dir.log, 'a', 0o600)
  try {
    let logStart = (await log.stat()).size
    if (logStart > LOG_KEPT_BYTES) {
      await log.truncate(0)
      logStart = 0
    }
    const child = spawn(binaries.program('postgres'), serverArguments(dir.cluster, limits), {
      cwd: binaries.folder,
      detached: process.platform !== 'win32',
      windowsHide: true,
      env: serverEnvironment(),
      stdio: ['ignore', log.fd, log.fd],
      ...account,
    })
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    const pid = child.pid as number
    while ((await readPidFile(dir))?.readyPid !== pid) {
      if (child.exitCode !== null || child.signalCode !== null) {
        const words = (await readFile(dir.log, 'utf8')).slice(logStart)
        const fatal = words.split('\n').filter((line) => /(FATAL|PANIC|ERROR|WARNING|HINT|could not)/.test(line))
        throw new ServerStartError(`PostgreSQL did not start in ${dir.cluster}`, fatal.slice(-3).join(' '))
      }
      await pause(POLL_MS)
    }
    return { child, pid, exited }
  } finally {
    await log.close()
  }
}

/** Fast shutdown: sessions are ended, everything is written. A server that hangs is made to crash, which loses nothing. */
export async function stopServer(
  { child, pid, exited }: ServerProcess,
  dir: DataDir,
  binaries: Binaries,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  if (process.platform === 'win32') {
    await promisify(execFile)(binaries.program('pg_ctl'), ['stop', '-m', 'fast', '-D', dir.cluster])
    return exited
  }
  child.kill('SIGINT')
  const hung = setTimeout(() => process.kill(pid, 'SIGQUIT'), FAST_SHUTDOWN_MS)
  await exited
  clearTimeout(hung)
}

/**
 * Stops a server that outlived the process that started it. Only called while this process holds the claim on the data
 * folder, so no living process is using it.
 * @returns whether there was one.
 */
export async function stopOrphan(dir: DataDir): Promise<boolean> {
  const pid = (await readPidFile(dir))?.pid
  if (pid === undefined || !isAlive(pid) || !(await isPostgres(pid))) return false
  process.kill(pid, 'SIGINT')
  const deadline = Date.now() + FAST_SHUTDOWN_MS
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw new Error(`PostgreSQL (process ${pid}) in ${dir.cluster} does not stop`)
    await pause(POLL_MS)
  }
  return true
}

/** postmaster.pid: line 1 is the server's pid, line 8 its status (PostgreSQL, src/include/utils/pidfile.h). */
async function readPidFile(dir: DataDir): Promise<{ pid: number; readyPid: number | undefined } | undefined> {
  const text = await readFile(join(dir.cluster, 'postmaster.pid'), 'utf8').catch(() => undefined)
  const lines = text?.split('\n') ?? []
  const pid = Math.abs(Number(lines[0]))
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined
  return { pid, readyPid: lines[7]?.trim() === 'ready' ? pid : undefined }
}
