import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Small heap, serial collector, first compiler only: half the start of the defaults, and enough for one machine. */
const javaFlags = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
  // Refused attempts, a line each: when, who, what, on which topic. `countersign reconcile --trail kafka` reads them.
  '-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=info',
]

export interface BrokerProcessOptions {
  readonly jars: string
  readonly propertiesFile: string
  /** Takes standard output and error of the broker, appended. */
  readonly logFile: string
  /** The port that opens when the broker can serve. */
  readonly port: number
  /** Further flags of the Java machine. */
  readonly flags?: readonly string[]
}

/** A running broker. It ends with `stop` or `kill`; nothing is left behind but its data. */
export interface BrokerProcess {
  readonly pid: number
  /** Resolves with how it ended, whoever ended it. */
  readonly exited: Promise<string>
  /** SIGTERM: the broker closes its logs; resolves when it has ended. */
  stop(): Promise<void>
  /** SIGKILL: as if the machine lost it; resolves when it has ended. */
  kill(): Promise<void>
  /** SIGSTOP, until `thaw`. */
  freeze(): void
  thaw(): void
}

/** Arguments for a program of Kafka's jars. */
export const javaArguments = (jars: string, flags: readonly string[], main: string): string[] => [
  ...javaFlags,
  ...flags,
  '-cp',
  join(jars, '*'),
  main,
]

/** A port of 127.0.0.1 that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

/** Whether somebody accepts connections there. */
export const isAccepting = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const howItEnded = async (child: ChildProcess): Promise<string> => {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal === null ? `exit code ${code}` : `signal ${signal}`
}

/** Starts a broker and resolves when it serves; throws with the end of its log when it ends before that. */
export const startBrokerProcess = async (options: BrokerProcessOptions): Promise<BrokerProcess> => {
  const { jars, propertiesFile, logFile, port, flags = [] } = options
  if (await isAccepting(port)) throw new Error(`port ${port} is taken`)
  const log = openSync(logFile, 'a', 0o600)
  const args = [...javaArguments(jars, flags, 'kafka.Kafka'), propertiesFile]
  // A process group of its own: Ctrl-C reaches only whoever started it, who then stops it in order.
  const child = spawn('java', args, { stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  await once(child, 'spawn')
  const exited = howItEnded(child)
  const { pid } = child
  if (pid === undefined) throw new Error('the broker has no process')
  let ended: string | undefined
  void exited.then((how) => {
    ended = how
  })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await exited
  }
  // Whoever dies without stopping it takes it along, data intact.
  const atExit = () => child.kill('SIGTERM')
  process.once('exit', atExit)
  void exited.then(() => process.removeListener('exit', atExit))
  while (!(await isAccepting(port))) {
    if (ended !== undefined) {
      const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5)
      throw new Error(`the broker ended with ${ended} before it served: ${lines.join(' | ')}`)
    }
    await sleep(30)
  }
  return {
    pid,
    exited,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  }
}
