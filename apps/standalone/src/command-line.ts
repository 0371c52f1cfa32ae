import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { printReady } from './print-ready.ts'
import { type StepPrinter, stepPrinter } from './print-steps.ts'
import type { Instance } from './run-instance.ts'
import type { CertificateOptions } from './take-certificates/take-certificates.ts'

/** What everything that starts an instance can be told. */
export type CommandLine = {
  readonly dataDir: string
  readonly port: number
  readonly policies: string
  readonly logLevel: string
  readonly traceFile?: string
  readonly traceRatio: number
  readonly metricsPort?: number
} & CertificateOptions

export const portOf = (text: string): number => {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_000)
    throw new InvalidArgumentError('a port is a number from 1 to 65000')
  return port
}

const ratioOf = (text: string): number => {
  const ratio = Number(text)
  if (!(ratio >= 0 && ratio <= 1)) throw new InvalidArgumentError('a share is a number from 0 to 1')
  return ratio
}

const dieOnOldNode = (): void => {
  const [major] = process.versions.node.split('.').map(Number)
  if (major !== undefined && major >= 24) return
  process.stderr.write(
    `Countersign needs Node 24; this is ${process.versions.node}. Run it with npm start, which brings its own where it can.\n`,
  )
  process.exit(1)
}

/** A command with the options that every start has. */
export const startCommand = (name: string, description: string, logLevel: string): Command =>
  new Command(name)
    .description(description)
    .option('--data-dir <folder>', 'where everything is kept', '.countersign')
    .option('--port <number>', 'first port to try; identity provider and Slack take the next ones', portOf, 7400)
    .option(
      '--policies <folder>',
      'policy set that a new tenant starts with',
      fileURLToPath(new URL('../../../policies', import.meta.url)),
    )
    .option('--mtls-port <number>', 'take client certificates of executors on this port (mutual TLS)', portOf)
    .option('--mtls-cert <file>', 'certificate for that port (PEM); without it one of its own is made')
    .option('--mtls-key <file>', 'its private key (PEM)')
    .option(
      '--mtls-client-ca <file>',
      'issuers of client certificates (PEM); without it any is taken for its key alone',
    )
    .option('--trace-file <file>', 'write OpenTelemetry spans there, one JSON line each')
    .option('--trace-ratio <share>', 'share of traces that is kept, from 0 to 1', ratioOf, 1)
    .option('--metrics-port <number>', 'serve Prometheus metrics on this port of 127.0.0.1', portOf)
    .option('--log-level <level>', 'least severe level that services log', logLevel)

/** The first SIGINT or SIGTERM asks to stop in order; whoever asks twice does not want to wait. */
const stopSignal = (): AbortSignal => {
  const stopping = new AbortController()
  const ask = (): void => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort(new Error('it was asked to stop'))
  }
  process.on('SIGINT', ask)
  process.on('SIGTERM', ask)
  return stopping.signal
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

/**
 * Starts an instance, says what a newcomer needs, and keeps the process until it is asked to stop or something ends by
 * itself. Exit code 0 only when it was asked and nothing under way was broken off.
 */
export const runToEnd = async (
  { logLevel }: CommandLine,
  start: (print: StepPrinter, signal: AbortSignal) => Promise<Instance>,
  release: () => Promise<void> = async () => undefined,
): Promise<never> => {
  dieOnOldNode()
  const print = stepPrinter(process.stdout)
  const signal = stopSignal()
  try {
    const instance = await start(print, signal)
    printReady(instance, print)
    const broken = await Promise.race([aborted(signal), instance.broken])
    print.line()
    print.line(broken ?? 'stopping')
    const drained = await instance.stop()
    await release()
    print.line(drained ? 'stopped, everything is kept' : 'stopped; something under way was broken off')
    process.exit(broken !== undefined || !drained ? 1 : 0)
  } catch (error) {
    if (signal.aborted && error === signal.reason) {
      await release()
      print.line()
      print.line('stopped before it was ready, everything is kept')
      process.exit(0)
    }
    process.stderr.write(`\nCountersign could not start: ${error instanceof Error ? error.message : String(error)}\n`)
    if (logLevel === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    process.exit(1)
  }
}
